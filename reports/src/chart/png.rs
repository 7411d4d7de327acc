//! PNGs from drawings, with the font in `assets`: no font of the system is looked at, so that a PNG is the
//! same everywhere.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// Inter, regular and semi-bold (SIL Open Font License, `assets/OFL.txt`).
const REGULAR: &[u8] = include_bytes!("../../assets/Inter-Regular.otf");
const SEMI_BOLD: &[u8] = include_bytes!("../../assets/Inter-SemiBold.otf");

/// The largest picture, in pixels per side.
const LARGEST: f32 = 16_384.0;

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(SEMI_BOLD.to_vec());
    fonts.set_sans_serif_family("Inter");
    Arc::new(fonts)
});

static FACES: LazyLock<[ttf_parser::Face<'static>; 2]> = LazyLock::new(|| {
    [REGULAR, SEMI_BOLD].map(|data| ttf_parser::Face::parse(data, 0).expect("a bundled font"))
});

/// A drawing could not be made into a PNG.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PngError {
    /// It is not an SVG that the renderer understands.
    #[error("not a drawing: {0}")]
    Svg(String),
    /// It would be too large.
    #[error("a picture of {width} by {height} pixels is too large")]
    Size {
        /// Pixels across.
        width: u64,
        /// Pixels down.
        height: u64,
    },
    /// It could not be encoded.
    #[error("cannot encode the picture: {0}")]
    Encoding(String),
}

/// `svg` as a PNG, `scale` pixels per pixel of the drawing.
///
/// # Errors
/// [`PngError`] if it is no drawing, or too large.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
    let options = Options {
        fontdb: Arc::clone(&FONTS),
        font_family: "Inter".into(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|error| PngError::Svg(error.to_string()))?;
    let (width, height) = (tree.size().width() * scale, tree.size().height() * scale);
    let too_large = PngError::Size {
        width: width as u64,
        height: height as u64,
    };
    if !(width <= LARGEST && height <= LARGEST) {
        return Err(too_large);
    }
    let Some(mut picture) = Pixmap::new(width.ceil() as u32, height.ceil() as u32) else {
        return Err(too_large);
    };
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut picture.as_mut(),
    );
    picture
        .encode_png()
        .map_err(|error| PngError::Encoding(error.to_string()))
}

/// How wide `text` is in the bundled font at `size` pixels; a character it lacks counts as wide as an em.
pub(super) fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    let face = &FACES[usize::from(bold)];
    let em = f64::from(face.units_per_em());
    let advance = |c: char| {
        let glyph = face
            .glyph_index(c)
            .and_then(|glyph| face.glyph_hor_advance(glyph));
        glyph.map_or(1.0, |advance| f64::from(advance) / em)
    };
    text.chars().map(advance).sum::<f64>() * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_come_from_the_font() {
        assert!(text_width("iii", 12.0, false) < text_width("MMM", 12.0, false) / 2.0);
        assert!(text_width("limit", 12.0, false) < text_width("limit", 12.0, true));
        assert_eq!(text_width("漢", 12.0, false), 12.0);
    }

    #[test]
    fn text_is_drawn_with_the_bundled_font() {
        let svg = |text: &str| {
            format!(
                "<svg xmlns='http://www.w3.org/2000/svg' width='80' height='20'><text x='2' y='15' font-family='Nowhere, sans-serif'>{text}</text></svg>"
            )
        };
        let dark = |text: &str| {
            let png = png(&svg(text), 2.0).unwrap();
            let picture = Pixmap::decode_png(&png).unwrap();
            assert_eq!((picture.width(), picture.height()), (160, 40));
            picture
                .pixels()
                .iter()
                .filter(|pixel| pixel.alpha() > 128)
                .count()
        };
        assert_eq!(dark(""), 0);
        assert!(dark("heap") > 100);
        assert!(dark("heap heap") > dark("heap"));
    }

    #[test]
    fn what_is_no_drawing_is_refused() {
        assert!(matches!(png("<svg", 1.0), Err(PngError::Svg(_))));
        let huge = "<svg xmlns='http://www.w3.org/2000/svg' width='9000' height='10'/>";
        assert!(matches!(
            png(huge, 2.0),
            Err(PngError::Size { width: 18000, .. })
        ));
    }
}
