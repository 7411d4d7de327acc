//! Object layout: the header word, kinds and sizes. No code here touches memory.
//!
//! ```text
//!   byte 0        4          8                    16
//!   ┌────────────┬──────────┬─────────────────────┬─────────────────────┬──────────────┐
//!   │ descriptor │ identity │ [slot count|raw len]│ tagged slots (4 B)  │ raw bytes    │
//!   └────────────┴──────────┴─────────────────────┴─────────────────────┴──────────────┘
//!                             only in wide objects   first, so that scanning is one loop
//! ```
//!
//! The descriptor (32 bits) is enough to size and scan a narrow object without a second memory access:
//!
//! | bits | content |
//! |---|---|
//! | 0..3 | raw granules (8 bytes each) of a narrow object |
//! | 3..10 | slot count, 127 = *wide*: the first body word holds slot count and raw length |
//! | 10..14 | [`Kind`] |
//! | 14..32 | number of the shape |
//!
//! The kinds of narrow objects whose slots the embedder may use by index end in two one bits, right above the slot
//! count: one compare tells whether an object has such a slot ([`Descriptor::has_open_slot`]).
//!
//! The identity is 0 until asked for; it is the object's id in snapshots and its hash code in maps, and it
//! moves with the object, so no side table has to follow moves.
//!
//! A moved object's header is overwritten by one 8-byte store: descriptor [`FORWARDED`], identity = the
//! new reference. Objects never change size or layout in place (invariant I9).

use crate::value::GRANULE;

/// What an object is, as far as the collector and the snapshot are concerned.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A gap or free block of the old generation, or filler.
    Free = 0,
    /// A fixed-length array of values.
    Array = 1,
    /// Immutable UTF-8 text.
    String = 2,
    /// An object with a constructor name and named fields.
    Object = 3,
    /// A boxed double.
    Number = 4,
    /// A hash map from values to values, in insertion order.
    Map = 5,
    /// The table behind a map.
    Table = 6,
    /// A function with the context that it closes over.
    Closure = 7,
    /// A double-ended queue.
    Deque = 8,
    /// Raw bytes in the heap.
    Bytes = 9,
    /// The owner of bytes outside the heap.
    External = 10,
    /// Captured variables; contexts chain through their first slot.
    Context = 11,
    /// A weak reference.
    WeakRef = 12,
    /// A table whose entries live as long as their keys (JavaScript's WeakMap).
    EphemeronTable = 13,
    /// `undefined`, `null`, `true`, `false`.
    Oddball = 14,
    /// Never in a live object: the pattern of a forwarded header.
    Forwarded = 15,
}

impl Kind {
    const ALL: [Kind; 16] = [
        Kind::Free,
        Kind::Array,
        Kind::String,
        Kind::Object,
        Kind::Number,
        Kind::Map,
        Kind::Table,
        Kind::Closure,
        Kind::Deque,
        Kind::Bytes,
        Kind::External,
        Kind::Context,
        Kind::WeakRef,
        Kind::EphemeronTable,
        Kind::Oddball,
        Kind::Forwarded,
    ];
}

/// Descriptor of a forwarded object; the identity half then holds the new reference.
pub(crate) const FORWARDED: u32 = u32::MAX;
/// Bytes of a header, and of the wide word behind it.
pub(crate) const HEADER_BYTES: usize = 8;
pub(crate) const WIDE_BYTES: usize = 8;
/// Most slots and raw granules of a narrow object.
pub(crate) const MAX_NARROW_SLOTS: usize = 126;
pub(crate) const MAX_NARROW_RAW_GRANULES: usize = 7;
/// Shape numbers must stay below this.
pub(crate) const MAX_SHAPES: usize = 1 << 18;

const SLOTS_SHIFT: u32 = 3;
const KIND_SHIFT: u32 = 10;
const SHAPE_SHIFT: u32 = 14;
const WIDE: u32 = 127;
/// Low bits of the number of a kind whose slots are open to the embedder; next to them stands the slot count.
const OPEN: u32 = 3;
const OPEN_BITS: u32 = 2;

/// The descriptor half of a header.
#[derive(Copy, Clone, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Descriptor(pub(crate) u32);

impl Descriptor {
    /// Descriptor of an object whose slot count and raw size fit the header.
    pub(crate) const fn narrow(
        kind: Kind,
        shape: u32,
        slots: usize,
        raw_granules: usize,
    ) -> Descriptor {
        assert!(slots <= MAX_NARROW_SLOTS && raw_granules <= MAX_NARROW_RAW_GRANULES);
        Descriptor(
            raw_granules as u32
                | (slots as u32) << SLOTS_SHIFT
                | (kind as u32) << KIND_SHIFT
                | shape << SHAPE_SHIFT,
        )
    }

    /// Descriptor of an object that keeps slot count and raw length in its first body word.
    pub(crate) const fn wide(kind: Kind, shape: u32) -> Descriptor {
        Descriptor(WIDE << SLOTS_SHIFT | (kind as u32) << KIND_SHIFT | shape << SHAPE_SHIFT)
    }

    #[inline(always)]
    pub(crate) fn kind(self) -> Kind {
        Kind::ALL[(self.0 >> KIND_SHIFT & 15) as usize]
    }

    /// Whether the kind is one of those whose bits, by their numbers, are set in `kinds`.
    #[inline(always)]
    pub(crate) const fn is_one_of(self, kinds: u32) -> bool {
        kinds >> (self.0 >> KIND_SHIFT & 15) & 1 == 1
    }

    /// Whether this is a narrow object whose slots are open to the embedder, and slot `index` is one of them.
    #[inline(always)]
    pub(crate) const fn has_open_slot(self, index: usize) -> bool {
        let kind_and_slots = self.0 >> SLOTS_SHIFT & ((1 << (7 + OPEN_BITS)) - 1);
        kind_and_slots as usize > ((OPEN as usize) << 7).saturating_add(index)
    }

    #[inline(always)]
    pub(crate) const fn is_wide(self) -> bool {
        self.0 >> SLOTS_SHIFT & WIDE == WIDE
    }

    /// The bits that tell slot count and raw size.
    pub(crate) const LAYOUT: u32 = (1 << KIND_SHIFT) - 1;

    /// Those of narrow objects with `slots` slots and no raw bytes; of no object if that is too many.
    #[inline(always)]
    pub(crate) const fn layout_of(slots: usize) -> u32 {
        if slots <= MAX_NARROW_SLOTS {
            (slots as u32) << SLOTS_SHIFT
        } else {
            u32::MAX
        }
    }

    /// Slot count of a narrow object.
    #[inline(always)]
    pub(crate) const fn narrow_slots(self) -> usize {
        (self.0 >> SLOTS_SHIFT & WIDE) as usize
    }

    #[inline(always)]
    pub(crate) const fn narrow_raw_bytes(self) -> usize {
        (self.0 & 7) as usize * GRANULE
    }

    #[inline(always)]
    pub(crate) const fn shape(self) -> u32 {
        self.0 >> SHAPE_SHIFT
    }

    /// Size in bytes of a narrow object, header included.
    #[inline(always)]
    pub(crate) const fn narrow_size(self) -> usize {
        HEADER_BYTES + slot_bytes(self.narrow_slots()) + self.narrow_raw_bytes()
    }
}

impl std::fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == FORWARDED {
            return f.write_str("forwarded");
        }
        write!(f, "{:?} shape {}", self.kind(), self.shape())?;
        if self.is_wide() {
            f.write_str(" wide")
        } else {
            write!(
                f,
                " {} slots {} raw bytes",
                self.narrow_slots(),
                self.narrow_raw_bytes()
            )
        }
    }
}

/// Bytes that `slots` tagged slots take, padded to a granule.
#[inline(always)]
pub(crate) const fn slot_bytes(slots: usize) -> usize {
    (slots * 4 + 7) & !7
}

/// Size in bytes of a wide object, header and wide word included.
#[inline(always)]
pub(crate) const fn wide_size(slots: usize, raw_bytes: usize) -> usize {
    HEADER_BYTES + WIDE_BYTES + slot_bytes(slots) + ((raw_bytes + 7) & !7)
}

/// The wide word: slot count in the low half, raw length in bytes in the high half.
#[inline(always)]
pub(crate) const fn wide_word(slots: usize, raw_bytes: usize) -> u64 {
    slots as u64 | (raw_bytes as u64) << 32
}

const _: () = {
    // A forwarded header can be no live descriptor: kind 15 is given to nothing.
    assert!(FORWARDED >> KIND_SHIFT & 15 == Kind::Forwarded as u32);
    // Of the kinds that end in one bits, every one is open and narrow, or never met.
    assert!(Kind::Object as u32 & OPEN == OPEN && Kind::Closure as u32 & OPEN == OPEN);
    assert!(Kind::Context as u32 & OPEN == OPEN && Kind::Forwarded as u32 & OPEN == OPEN);
    assert!(1 << OPEN_BITS == OPEN + 1 && KIND_SHIFT == SLOTS_SHIFT + 7);
    assert!(Descriptor::narrow(Kind::Object, 0, 6, 0).narrow_size() == 32);
    assert!(Descriptor::narrow(Kind::Number, 0, 0, 1).narrow_size() == 16);
    assert!(wide_size(8, 0) == 48);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptor_fields_do_not_overlap() {
        let d = Descriptor::narrow(Kind::EphemeronTable, (MAX_SHAPES - 1) as u32, 126, 7);
        assert_eq!(d.kind(), Kind::EphemeronTable);
        assert_eq!(d.narrow_slots(), 126);
        assert_eq!(d.narrow_raw_bytes(), 56);
        assert_eq!(d.shape() as usize, MAX_SHAPES - 1);
        assert!(!d.is_wide());
        let w = Descriptor::wide(Kind::Array, 3);
        assert!(w.is_wide());
        assert_eq!(w.kind(), Kind::Array);
        assert_eq!(w.shape(), 3);
    }

    #[test]
    fn open_slots_are_those_of_objects_closures_and_contexts() {
        for kind in Kind::ALL.into_iter().filter(|&k| k != Kind::Forwarded) {
            let open = matches!(kind, Kind::Object | Kind::Closure | Kind::Context);
            for slots in [0, 1, 5, 126] {
                let d = Descriptor::narrow(kind, 77, slots, 7);
                for index in [0, 4, 5, 125, 126, 127, 128, usize::MAX - 384, usize::MAX] {
                    let has = d.has_open_slot(index);
                    assert_eq!(has, open && index < slots, "{d:?} index {index}");
                }
            }
            assert_eq!(
                Descriptor::wide(kind, 3).has_open_slot(126),
                open,
                "no open kind is ever wide"
            );
        }
    }

    #[test]
    fn odd_slot_counts_are_padded_to_a_granule() {
        assert_eq!(Descriptor::narrow(Kind::Object, 0, 1, 0).narrow_size(), 16);
        assert_eq!(Descriptor::narrow(Kind::Object, 0, 3, 1).narrow_size(), 32);
        assert_eq!(wide_size(3, 5), 16 + 16 + 8);
    }
}
