//! The colours of all drawings, light and dark. Hues that must be told apart are those of Okabe and Ito's
//! set or close to it, which colour-blind readers can tell apart too.

use plotters::style::RGBColor;

/// A colour on white and its counterpart on a dark page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shade {
    /// On white.
    pub(super) light: u32,
    /// On the dark page.
    dark: u32,
}

impl Shade {
    const fn new(light: u32, dark: u32) -> Self {
        Self { light, dark }
    }

    pub(super) fn rgb(self) -> RGBColor {
        let [_, red, green, blue] = self.light.to_be_bytes();
        RGBColor(red, green, blue)
    }
}

/// The ground a drawing stands on.
pub(super) const PAPER: Shade = Shade::new(0xFFFFFF, 0x171B21);
/// Text that is read first.
pub(super) const INK: Shade = Shade::new(0x1C2430, 0xE6EAF0);
/// Labels.
pub(super) const MUTED: Shade = Shade::new(0x5C6773, 0x9AA5B1);
/// The horizontal lines behind.
pub(super) const GRID: Shade = Shade::new(0xE3E7EB, 0x2A313A);
/// Axes and lanes.
pub(super) const AXIS: Shade = Shade::new(0xAEB7C0, 0x4A545F);

/// Old generation.
pub(super) const OLD: Shade = Shade::new(0x3572B0, 0x5B9BD9);
/// Large objects.
pub(super) const LARGE: Shade = Shade::new(0x8467B5, 0xA58CD6);
/// Young generation.
pub(super) const YOUNG: Shade = Shade::new(0x3FA88B, 0x55C4A5);
/// Bytes held outside the heap.
pub(super) const EXTERNAL: Shade = Shade::new(0xD9A13B, 0xE0B25A);
/// Memory committed from the system.
pub(super) const COMMITTED: Shade = Shade::new(0x47525E, 0xB4BEC9);
/// Size at which the next major collection starts.
pub(super) const THRESHOLD: Shade = Shade::new(0x8A949E, 0x7C8792);
/// Limits.
pub(super) const LIMIT: Shade = Shade::new(0xC8352B, 0xFF6B5E);
/// Minor collections.
pub(super) const MINOR: Shade = Shade::new(0x2A9478, 0x4FBF9F);
/// Major collections.
pub(super) const MAJOR: Shade = Shade::new(0xC75B12, 0xF08A45);
/// Snapshots and notes.
pub(super) const MARK: Shade = Shade::new(0x6B4FA0, 0xB39AE6);

/// Curves of one chart, in order; in a comparison the first is the leak.
const CURVES: [Shade; 8] = [
    Shade::new(0xD1491B, 0xFF7F50),
    Shade::new(0x0B6FB3, 0x56A5E4),
    Shade::new(0x07906C, 0x3CC79C),
    Shade::new(0xC98A00, 0xF0BE4E),
    Shade::new(0xB0558B, 0xE08CBF),
    Shade::new(0x3AA6D0, 0x86D0F0),
    Shade::new(0x6D6A4B, 0xB9B58C),
    Shade::new(0x6B5BD2, 0xA89EFA),
];

/// The colour of the `n`th curve.
pub(super) fn curve(n: usize) -> Shade {
    CURVES[n % CURVES.len()]
}

/// Every colour a drawing may use.
fn all() -> impl Iterator<Item = Shade> {
    let named = [
        PAPER, INK, MUTED, GRID, AXIS, OLD, LARGE, YOUNG, EXTERNAL, COMMITTED, THRESHOLD, LIMIT,
        MINOR, MAJOR, MARK,
    ];
    named.into_iter().chain(CURVES)
}

/// CSS rules that give every colour of a drawing inside `.chart` its dark counterpart.
pub fn dark_rules() -> String {
    let rule = |shade: Shade| {
        let Shade { light, dark } = shade;
        format!(
            ".chart [fill=\"#{light:06X}\"]{{fill:#{dark:06X}}}.chart [stroke=\"#{light:06X}\"]{{stroke:#{dark:06X}}}\n"
        )
    };
    all().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_stands_for_two() {
        let mut seen: Vec<u32> = all().map(|shade| shade.light).collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    /// Relative luminance and contrast as WCAG 2 defines them.
    fn contrast(a: u32, b: u32) -> f64 {
        let luminance = |colour: u32| {
            let channel = |shift: u32| {
                let value = f64::from((colour >> shift) & 0xFF) / 255.0;
                if value <= 0.03928 {
                    value / 12.92
                } else {
                    ((value + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn text_and_curves_can_be_read_on_their_ground() {
        for text in [INK, MUTED, LIMIT] {
            assert!(contrast(text.light, PAPER.light) >= 4.5, "{text:x?}");
            assert!(contrast(text.dark, PAPER.dark) >= 4.5, "{text:x?}");
        }
        for shade in [OLD, LARGE, MINOR, MAJOR, MARK, COMMITTED]
            .into_iter()
            .chain(CURVES)
        {
            assert!(contrast(shade.light, PAPER.light) >= 2.7, "{shade:x?}");
            assert!(contrast(shade.dark, PAPER.dark) >= 3.0, "{shade:x?}");
        }
    }
}
