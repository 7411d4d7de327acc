//! The verifier's own reading of headers, from the layout's description alone.

use crate::heap::Core;
use crate::object::Kind;

/// An object, as its header describes it. Places are bytes from the start of the cage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object {
    pub(super) offset: usize,
    pub(super) kind: Kind,
    pub(super) shape: u32,
    pub(super) identity: u32,
    /// First tagged slot, and how many.
    pub(super) first_slot: usize,
    pub(super) slots: usize,
    /// Size with header and padding.
    pub(super) bytes: usize,
}

/// Kinds by their number in the header: bits 10 to 13.
const KINDS: [Kind; 16] = [
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

/// Rounds up to the 8 bytes that every object is aligned to.
fn aligned(bytes: usize) -> usize {
    bytes.div_ceil(8) * 8
}

impl Object {
    /// Reads the header at `offset`, below `end`; the message says what is wrong with it.
    pub(super) fn read(core: &Core, offset: usize, end: usize) -> Result<Self, String> {
        let word = core.cage.at(offset).load_u64();
        let (header, identity) = (word as u32, (word >> 32) as u32);
        let kind = KINDS[(header >> 10 & 15) as usize];
        let shape = header >> 14;
        let slot_field = (header >> 3 & 127) as usize;
        let wide = slot_field == 127;
        let (first_slot, slots, raw) = if wide {
            if offset + 16 > end {
                return Err("a wide header at the end of its space".to_owned());
            }
            let counts = core.cage.at(offset + 8).load_u64();
            (offset + 16, counts as u32 as usize, (counts >> 32) as usize)
        } else {
            (offset + 8, slot_field, (header & 7) as usize * 8)
        };
        let bytes = first_slot - offset + aligned(4 * slots) + aligned(raw);
        let object = Self {
            offset,
            kind,
            shape,
            identity,
            first_slot,
            slots,
            bytes,
        };
        if matches!(kind, Kind::Forwarded | Kind::Oddball) {
            return Err(format!("a {kind:?} header where an object should be"));
        }
        if offset + bytes > end {
            return Err(format!("{bytes} bytes pass the end of its space"));
        }
        object.check_layout(core, wide, raw)?;
        Ok(object)
    }

    /// I9: the header's layout is that of its shape.
    fn check_layout(&self, core: &Core, wide: bool, raw: usize) -> Result<(), String> {
        let Some(shape) = core.shapes.get(self.shape) else {
            return Err(format!("shape {} does not exist", self.shape));
        };
        if shape.kind != self.kind {
            return Err(format!(
                "kind {:?}, but its shape is one of {:?}",
                self.kind, shape.kind
            ));
        }
        let may_be_wide = matches!(
            self.kind,
            Kind::Array
                | Kind::String
                | Kind::Table
                | Kind::Bytes
                | Kind::Free
                | Kind::EphemeronTable
        );
        if wide && !may_be_wide {
            return Err(format!("a {:?} with counts of its own", self.kind));
        }
        if !wide && self.kind != Kind::Free {
            let (slots, raw_bytes) = (shape.slots.len(), shape.raw_bytes);
            if (self.slots, raw) != (slots, raw_bytes) {
                return Err(format!(
                    "{} slots and {raw} raw bytes, but its shape has {slots} and {raw_bytes}",
                    self.slots
                ));
            }
        }
        let no_slots = matches!(
            self.kind,
            Kind::String | Kind::Bytes | Kind::Number | Kind::Free
        );
        if no_slots && self.slots != 0 {
            return Err(format!("a {:?} with {} slots", self.kind, self.slots));
        }
        Ok(())
    }

    /// One past its last byte.
    pub(super) fn end(&self) -> usize {
        self.offset + self.bytes
    }

    /// Where its slots lie.
    pub(super) fn slot_offsets(&self) -> impl Iterator<Item = usize> + use<> {
        let first = self.first_slot;
        (0..self.slots).map(move |i| first + 4 * i)
    }
}
