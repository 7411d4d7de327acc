//! A slot's content: a 32-bit tagged value.
//!
//! The tag is the top bit. With it, the other 31 bits number an 8-byte granule of the cage (a *reference*);
//! without it they are a signed 31-bit *small integer* (V8's Smi). `undefined`, `null`, `true` and `false`
//! are references to permanent objects in the first granules of the cage.
//!
//! Because the tag is at the top, "does this value refer to the young generation?" is one wrapping
//! subtraction and one unsigned compare, which excludes small integers for free.

use std::fmt;

/// Bytes per granule: the alignment of every object.
pub(crate) const GRANULE: usize = 8;
/// The tag of a reference.
pub(crate) const REF_TAG: u32 = 0x8000_0000;
/// Smallest and largest small integer.
pub(crate) const SMI_MIN: i32 = -(1 << 30);
pub(crate) const SMI_MAX: i32 = (1 << 30) - 1;

/// A tagged 32-bit value as it stands in a slot.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
#[repr(transparent)]
#[allow(
    unreachable_pub,
    reason = "public in private: the sealed trait behind `Operand` names it"
)]
pub struct Value(pub(crate) u32);

impl Value {
    pub(crate) const UNDEFINED: Value = Value(REF_TAG | 1);
    pub(crate) const NULL: Value = Value(REF_TAG | 2);
    pub(crate) const TRUE: Value = Value(REF_TAG | 3);
    pub(crate) const FALSE: Value = Value(REF_TAG | 4);
    /// Marks a removed entry of a table; never handed to the embedder.
    pub(crate) const HOLE: Value = Value(REF_TAG | 5);

    /// The small integer `n`, or `None` if it needs more than 31 bits.
    #[cfg(test)]
    #[inline(always)]
    pub(crate) const fn from_smi(n: i32) -> Option<Value> {
        if n >= SMI_MIN && n <= SMI_MAX {
            Some(Value(n as u32 & !REF_TAG))
        } else {
            None
        }
    }

    #[inline(always)]
    pub(crate) const fn is_ref(self) -> bool {
        self.0 & REF_TAG != 0
    }

    /// The small integer, or `None` for a reference.
    #[inline(always)]
    pub(crate) const fn as_smi(self) -> Option<i32> {
        if self.is_ref() {
            None
        } else {
            Some(((self.0 << 1) as i32) >> 1)
        }
    }

    /// The granule number of a reference.
    #[inline(always)]
    pub(crate) const fn granule(self) -> usize {
        (self.0 & !REF_TAG) as usize
    }

    #[inline(always)]
    pub(crate) const fn from_granule(granule: usize) -> Value {
        debug_assert!(granule < REF_TAG as usize);
        Value(REF_TAG | granule as u32)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::UNDEFINED => f.write_str("undefined"),
            Value::NULL => f.write_str("null"),
            Value::TRUE => f.write_str("true"),
            Value::FALSE => f.write_str("false"),
            Value::HOLE => f.write_str("hole"),
            v => match v.as_smi() {
                Some(n) => write!(f, "{n}"),
                None => write!(f, "#{:x}", v.granule()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_integers_round_trip_at_their_bounds() {
        for n in [0, 1, -1, 42, SMI_MIN, SMI_MAX] {
            assert_eq!(Value::from_smi(n).and_then(Value::as_smi), Some(n));
        }
        assert_eq!(Value::from_smi(SMI_MAX + 1), None);
        assert_eq!(Value::from_smi(SMI_MIN - 1), None);
    }

    #[test]
    fn references_carry_their_granule_and_are_no_integers() {
        let v = Value::from_granule(0x7fff_ffff);
        assert!(v.is_ref());
        assert_eq!(v.granule(), 0x7fff_ffff);
        assert_eq!(v.as_smi(), None);
    }
}
