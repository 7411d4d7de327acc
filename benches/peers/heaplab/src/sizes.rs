//! How large the objects are: heaplab's own sizes, or padded to another system's, so that a collector that copies
//! copies as many bytes.

use heaplab_gc::{HeapLimitReached, Init, Local, Scope, Shape, ShapeError, Smi};

/// Whose object sizes are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// heaplab's: a header of 8 bytes and slots of 4.
    Own,
    /// HotSpot's with 8-byte references.
    HotSpot,
    /// V8's without pointer compression.
    V8,
}

impl Sizes {
    /// Reads `own`, `hotspot` or `v8`.
    pub(crate) fn parse(text: &str) -> Option<Sizes> {
        Some(match text {
            "own" => Sizes::Own,
            "hotspot" => Sizes::HotSpot,
            "v8" => Sizes::V8,
            _ => return None,
        })
    }

    /// Bytes of an object that takes these in heaplab, in HotSpot with 8-byte references, and in V8.
    pub(crate) fn bytes(self, own: usize, hotspot: usize, v8: usize) -> usize {
        match self {
            Sizes::Own => own,
            Sizes::HotSpot => hotspot,
            Sizes::V8 => v8,
        }
    }

    /// A shape with these fields, padded with raw bytes to the size given for each system.
    pub(crate) fn shape(
        self,
        s: &Scope<'_, '_>,
        name: &str,
        fields: &[&str],
        [own, hotspot, v8]: [usize; 3],
    ) -> Result<Shape, ShapeError> {
        s.shape_with_raw(name, fields, self.bytes(own, hotspot, v8) - own)
    }
}

/// A small integer as the first content of a slot.
#[inline(always)]
pub(crate) fn int<'s, 'h>(n: u32) -> Init<'s, 'h> {
    Init::Integer(Smi::wrapping(n as i32))
}

/// Arrays of four and of eight integers. heaplab's arrays have HotSpot's sizes (16 bytes and 4 per element); V8 has an
/// array object and a backing store, here one object with as many bytes as both.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Integers {
    Arrays,
    Padded { four: Shape, eight: Shape },
}

impl Integers {
    pub(crate) fn new(s: &Scope<'_, '_>, sizes: Sizes) -> Result<Integers, ShapeError> {
        Ok(match sizes {
            Sizes::Own | Sizes::HotSpot => Integers::Arrays,
            Sizes::V8 => Integers::Padded {
                four: s.shape_with_raw("Array", &["0", "1", "2", "3"], 80 - 24)?,
                eight: s.shape_with_raw(
                    "Array",
                    &["0", "1", "2", "3", "4", "5", "6", "7", "", "", "", ""],
                    112 - 56,
                )?,
            },
        })
    }

    /// Bytes of an array of four and of one of eight.
    pub(crate) fn bytes(self) -> (usize, usize) {
        match self {
            Integers::Arrays => (32, 48),
            Integers::Padded { .. } => (80, 112),
        }
    }

    #[inline(always)]
    pub(crate) fn four<'s, 'h>(
        self,
        s: &mut Scope<'s, 'h>,
        [a, b, c, d]: [u32; 4],
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let elements = [int(a), int(b), int(c), int(d)];
        match self {
            Integers::Arrays => s.array_with(elements),
            Integers::Padded { four, .. } => s.object_with(four, elements),
        }
    }

    /// The eight integers from `n` on.
    #[inline(always)]
    pub(crate) fn eight_from<'s, 'h>(
        self,
        s: &mut Scope<'s, 'h>,
        n: u32,
    ) -> Result<Local<'s, 'h>, HeapLimitReached> {
        let element = |i: usize| int(n + i as u32);
        match self {
            Integers::Arrays => s.array_with::<8>(std::array::from_fn(element)),
            Integers::Padded { eight, .. } => {
                s.object_with::<12>(eight, std::array::from_fn(element))
            }
        }
    }
}

/// The integer in a slot, as the other languages compute with it.
#[inline(always)]
pub(crate) fn integer_at<'h>(
    s: &Scope<'_, 'h>,
    host: impl heaplab_gc::Operand<'h>,
    index: usize,
) -> u32 {
    s.as_integer(s.get(host, index)).unwrap_or(0) as u32
}
