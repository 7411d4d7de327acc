//! Shapes ("hidden classes", V8's maps): what objects of one layout share.
//!
//! A shape is a kind, a constructor (or function) name, the names of its slots, and a count of raw bytes.
//! Shapes are interned per heap: asking twice for the same one gives the same number, so a snapshot names
//! each class once and an object's layout is decided when its shape is made (invariant I9).

use crate::object::{Descriptor, Kind, MAX_NARROW_RAW_GRANULES, MAX_NARROW_SLOTS, MAX_SHAPES};
use hashbrown::HashMap;
use std::rc::Rc;

/// Handle of a shape of one heap; copy it freely.
///
/// Using it with another heap panics: shapes are interned per heap.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The heap's number in the upper half, the descriptor of its objects in the lower one: both are checked at once.
    bits: u64,
}

impl Shape {
    #[inline(always)]
    pub(crate) fn descriptor(self) -> Descriptor {
        Descriptor(self.bits as u32)
    }

    #[inline(always)]
    pub(crate) fn heap(self) -> u32 {
        (self.bits >> 32) as u32
    }

    /// Equal to [`heap_tag`] of its heap if objects have `slots` slots and no raw bytes.
    #[inline(always)]
    pub(crate) fn heap_tag_if_narrow_of(self, slots: usize) -> u64 {
        let layout = self.bits & (u64::from(u32::MAX) << 32 | u64::from(Descriptor::LAYOUT));
        layout.wrapping_sub(u64::from(Descriptor::layout_of(slots)))
    }
}

/// What [`Shape::heap_tag_if_narrow_of`] gives for shapes of heap number `heap`.
pub(crate) fn heap_tag(heap: u32) -> u64 {
    u64::from(heap) << 32
}

/// Why a shape was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShapeError {
    /// More named slots than an object can have.
    TooManySlots {
        /// Slots asked for.
        asked: usize,
        /// Most slots of one object.
        most: usize,
    },
    /// More raw bytes than a fixed-layout object can have.
    TooManyRawBytes {
        /// Bytes asked for.
        asked: usize,
        /// Most raw bytes of one object.
        most: usize,
    },
    /// The heap has as many shapes as a header can number.
    TooManyShapes {
        /// Most shapes of one heap.
        most: usize,
    },
}

impl std::fmt::Display for ShapeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ShapeError::TooManySlots { asked, most } => {
                write!(
                    f,
                    "a shape of {asked} slots: an object has at most {most}; put the rest into an array"
                )
            }
            ShapeError::TooManyRawBytes { asked, most } => {
                write!(
                    f,
                    "a shape of {asked} raw bytes: an object has at most {most}; put them into a bytes object"
                )
            }
            ShapeError::TooManyShapes { most } => {
                write!(
                    f,
                    "the heap has {most} shapes already: use maps for objects whose keys are data"
                )
            }
        }
    }
}

impl std::error::Error for ShapeError {}

/// Names and layout of one shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShapeInfo {
    /// What kind of object.
    pub kind: Kind,
    /// Constructor name of objects, function name of closures, else a label for snapshots.
    pub name: Box<str>,
    /// Names of the slots, in slot order.
    pub slots: Box<[Box<str>]>,
    /// Raw bytes after the slots, a multiple of 8.
    pub raw_bytes: usize,
}

/// The shapes of one heap. The first ones are those of the built-in kinds.
pub(crate) struct ShapeTable {
    heap: u32,
    infos: Vec<Rc<ShapeInfo>>,
    by_info: HashMap<ShapeInfo, u32>,
}

/// Numbers of the built-in shapes, in the order in which [`ShapeTable::new`] makes them.
pub(crate) mod builtin {
    pub(crate) const FREE: u32 = 0;
    pub(crate) const ARRAY: u32 = 1;
    pub(crate) const STRING: u32 = 2;
    pub(crate) const NUMBER: u32 = 3;
    pub(crate) const MAP: u32 = 4;
    pub(crate) const TABLE: u32 = 5;
    pub(crate) const DEQUE: u32 = 6;
    pub(crate) const BYTES: u32 = 7;
    pub(crate) const EXTERNAL: u32 = 8;
    pub(crate) const WEAK_REF: u32 = 9;
    pub(crate) const EPHEMERON_TABLE: u32 = 10;
    pub(crate) const ODDBALL: u32 = 11;
}

impl ShapeTable {
    pub(crate) fn new(heap: u32) -> ShapeTable {
        let mut table = ShapeTable {
            heap,
            infos: Vec::new(),
            by_info: HashMap::new(),
        };
        let built_in: [(Kind, &str, &[&str], usize, u32); 12] = [
            (Kind::Free, "(free)", &[], 0, builtin::FREE),
            (Kind::Array, "Array", &[], 0, builtin::ARRAY),
            (Kind::String, "string", &[], 0, builtin::STRING),
            (Kind::Number, "number", &[], 8, builtin::NUMBER),
            (Kind::Map, "Map", &["table"], 8, builtin::MAP),
            (Kind::Table, "(map table)", &[], 0, builtin::TABLE),
            (Kind::Deque, "Deque", &["buffer"], 8, builtin::DEQUE),
            (Kind::Bytes, "Bytes", &[], 0, builtin::BYTES),
            (Kind::External, "ArrayBuffer", &[], 8, builtin::EXTERNAL),
            (Kind::WeakRef, "WeakRef", &[], 8, builtin::WEAK_REF),
            (
                Kind::EphemeronTable,
                "WeakMap",
                &[],
                8,
                builtin::EPHEMERON_TABLE,
            ),
            (Kind::Oddball, "(oddball)", &[], 0, builtin::ODDBALL),
        ];
        for (kind, name, slots, raw_bytes, number) in built_in {
            let made = table.intern(kind, name, slots, raw_bytes);
            debug_assert!(made.is_ok_and(|s| s.descriptor().shape() == number));
        }
        table
    }

    /// The shape with these names and layout, made on first use.
    pub(crate) fn intern(
        &mut self,
        kind: Kind,
        name: &str,
        slots: &[&str],
        raw_bytes: usize,
    ) -> Result<Shape, ShapeError> {
        let raw_bytes = raw_bytes.next_multiple_of(8);
        if slots.len() > MAX_NARROW_SLOTS {
            return Err(ShapeError::TooManySlots {
                asked: slots.len(),
                most: MAX_NARROW_SLOTS,
            });
        }
        if raw_bytes / 8 > MAX_NARROW_RAW_GRANULES {
            return Err(ShapeError::TooManyRawBytes {
                asked: raw_bytes,
                most: MAX_NARROW_RAW_GRANULES * 8,
            });
        }
        let info = ShapeInfo {
            kind,
            name: name.into(),
            slots: slots.iter().map(|&s| s.into()).collect(),
            raw_bytes,
        };
        let number = match self.by_info.get(&info) {
            Some(&number) => number,
            None => {
                if self.infos.len() >= MAX_SHAPES {
                    return Err(ShapeError::TooManyShapes { most: MAX_SHAPES });
                }
                let number = self.infos.len() as u32;
                self.infos.push(Rc::new(info.clone()));
                self.by_info.insert(info, number);
                number
            }
        };
        let descriptor = Descriptor::narrow(kind, number, slots.len(), raw_bytes / 8);
        Ok(Shape {
            bits: heap_tag(self.heap) | u64::from(descriptor.0),
        })
    }

    /// How many shapes there are.
    pub(crate) fn len(&self) -> usize {
        self.infos.len()
    }

    /// Names and layout of shape `number`; `None` if no such shape exists.
    pub(crate) fn get(&self, number: u32) -> Option<&Rc<ShapeInfo>> {
        self.infos.get(number as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_interned_by_name_and_layout() {
        let mut t = ShapeTable::new(1);
        let a = t
            .intern(Kind::Object, "Point", &["x", "y"], 0)
            .expect("shape");
        let b = t
            .intern(Kind::Object, "Point", &["x", "y"], 0)
            .expect("shape");
        let c = t
            .intern(Kind::Object, "Point", &["y", "x"], 0)
            .expect("shape");
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(
            t.get(a.descriptor().shape()).map(|i| &*i.name),
            Some("Point")
        );
    }

    #[test]
    fn impossible_shapes_are_refused_with_both_numbers() {
        let mut t = ShapeTable::new(1);
        let names: Vec<String> = (0..127).map(|i| format!("f{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(
            t.intern(Kind::Object, "Wide", &names, 0),
            Err(ShapeError::TooManySlots {
                asked: 127,
                most: 126
            })
        );
        assert_eq!(
            t.intern(Kind::Object, "Raw", &[], 57),
            Err(ShapeError::TooManyRawBytes {
                asked: 64,
                most: 56
            })
        );
    }
}
