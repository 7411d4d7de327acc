//! Floats in the record: whole numbers are written as integers, so that a count of 1000 reads `1000`.

use serde::Serializer;

/// The largest magnitude below which every whole `f64` is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Serialises a finite number in its shortest form; whole numbers without a point. What is not finite has
/// no JSON form and becomes 0 here; maps of values leave such entries out instead.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if !value.is_finite() {
        serializer.serialize_u64(0)
    } else if value.fract() == 0.0 && value.abs() < EXACT {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// Serialises a sorted map of numbers, without those that are not finite.
pub(super) fn serialize_map<S: Serializer>(
    values: &std::collections::BTreeMap<String, f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    struct Number<'a>(&'a f64);
    impl serde::Serialize for Number<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serialize(self.0, serializer)
        }
    }
    serializer.collect_map(
        values
            .iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(name, value)| (name, Number(value))),
    )
}
