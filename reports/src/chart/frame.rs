//! The frame of a chart: sizes, axes, grid, legend, lanes under the plot, and what appears on hovering.
//!
//! `plotters` draws in whole units. A drawing is made ten times as large as it is shown, so that curves
//! have tenths of a pixel, and its view box scales it down.

use std::borrow::Cow;
use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontFamily, FontStyle};

use super::axis::Axis;
use super::palette::{self, Shade};
use super::png::text_width;
use crate::escape::{cut, escape};

/// Units of the drawing per pixel.
const UNITS: f64 = 10.0;
/// The font of labels: the bundled one if the reader has it, else the system's.
const FONT: &str = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
/// `plotters` divides font sizes by this before it writes them.
const FONT_FACTOR: f64 = 1.24;
/// Size of labels in pixels.
const LABEL: f64 = 12.0;

/// Widths and margins in pixels.
const WIDTH: f64 = 1120.0;
const HALF_WIDTH: f64 = 548.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 22.0;
const TITLE_HEIGHT: f64 = 30.0;
const ROW_HEIGHT: f64 = 20.0;
const LANE_HEIGHT: f64 = 14.0;
const AXIS_HEIGHT: f64 = 40.0;
/// Width of a mark in a lane.
const MARK: f64 = 1.6;

/// How a legend shows its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swatch {
    Area,
    Line,
    Dashes,
    Dot,
}

/// One entry of a legend.
#[derive(Clone, Debug)]
pub(super) struct Key {
    label: String,
    shade: Shade,
    swatch: Swatch,
}

impl Key {
    pub(super) fn new(label: impl AsRef<str>, shade: Shade, swatch: Swatch) -> Self {
        Self {
            label: cut(label.as_ref(), 60),
            shade,
            swatch,
        }
    }
}

/// A strip under the plot in which moments are marked.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) label: &'static str,
    pub(super) shade: Shade,
    /// Moments in the unit of the horizontal axis, each with what hovering says.
    pub(super) marks: Vec<(f64, String)>,
}

/// What surrounds a plot.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) title: String,
    pub(super) half: bool,
    /// Height of the plot itself in pixels.
    pub(super) plot_height: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) keys: Vec<Key>,
    pub(super) lanes: Vec<Lane>,
}

impl Layout {
    /// Draws the chart twice, for a file and for a page; `plot` draws what is inside the axes.
    pub(super) fn draw(&self, plot: impl Fn(&mut Plot<'_>)) -> (String, String) {
        (self.draw_one(true, &plot), self.draw_one(false, &plot))
    }

    fn width(&self) -> f64 {
        if self.half { HALF_WIDTH } else { WIDTH }
    }

    fn draw_one(&self, with_title: bool, plot: &impl Fn(&mut Plot<'_>)) -> String {
        let keys = self.place_keys();
        let rows = keys.last().map_or(1, |(_, row, _)| row + 1);
        let title_height = if with_title { TITLE_HEIGHT } else { 4.0 };
        let top = title_height + rows as f64 * ROW_HEIGHT + 8.0;
        let lanes =
            self.lanes.len() as f64 * LANE_HEIGHT + if self.lanes.is_empty() { 0.0 } else { 4.0 };
        let bottom = lanes + AXIS_HEIGHT;
        let (width, height) = (self.width(), top + self.plot_height + bottom);

        let mut svg = String::new();
        let tips;
        {
            let size = (units(width) as u32, units(height) as u32);
            let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            let chart = ChartBuilder::on(&root)
                .margin_left(units(LEFT))
                .margin_right(units(RIGHT))
                .margin_top(units(top))
                .margin_bottom(units(bottom))
                .build_cartesian_2d(self.x.range(), self.y.range())
                .expect(MEMORY);
            let mut frame = Plot {
                chart,
                root: root.clone(),
                layout: self,
                tips: String::new(),
            };
            draw(root.fill(&palette::PAPER.rgb()));
            if with_title {
                frame.write_title(&self.title);
            }
            frame.legend(&keys, title_height);
            frame.axes(top, lanes);
            plot(&mut frame);
            frame.base_line(top);
            frame.lanes(top);
            tips = frame.tips;
            draw(root.present());
        }
        finish(&svg, width, height, &self.title, &tips)
    }

    /// Lays the legend out in rows: each entry with its row and its left edge.
    fn place_keys(&self) -> Vec<(&Key, usize, f64)> {
        let start = LEFT
            + if self.y.title().is_empty() {
                0.0
            } else {
                text_width(self.y.title(), LABEL, false) * 0.5 + 12.0
            };
        let (mut row, mut left) = (0, start);
        let mut placed = Vec::new();
        for key in &self.keys {
            // Fonts of readers differ; a tenth more room than the bundled one needs.
            let width = 22.0 + text_width(&key.label, LABEL, false) * 1.08;
            if left + width > self.width() - RIGHT && left > start {
                (row, left) = (row + 1, start);
            }
            placed.push((key, row, left));
            left += width + 18.0;
        }
        placed
    }
}

/// Why drawing cannot fail.
const MEMORY: &str = "drawing into memory";

fn draw<E: std::fmt::Debug>(result: Result<(), E>) {
    result.expect(MEMORY);
}

fn units(pixels: f64) -> i32 {
    (pixels * UNITS).round() as i32
}

fn font(size: f64, bold: bool, shade: Shade, h: HPos, v: VPos) -> TextStyle<'static> {
    let style = if bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    let font = FontDesc::new(FontFamily::Name(FONT), size * UNITS * FONT_FACTOR, style);
    TextStyle {
        font,
        color: shade.rgb().to_backend_color(),
        pos: Pos::new(h, v),
    }
}

fn stroke(shade: Shade, opacity: f64, pixels: f64) -> ShapeStyle {
    shade.rgb().mix(opacity).stroke_width(units(pixels) as u32)
}

/// The parts of a path that dashes of length `dash` cover, with gaps of length `gap` between them.
/// (`plotters` has a dashed series, but it cuts corners.)
fn dashed(path: &[(f64, f64)], dash: f64, gap: f64) -> Vec<Vec<(f64, f64)>> {
    let mut parts = Vec::new();
    let Some(&start) = path.first() else {
        return parts;
    };
    let (mut drawing, mut left) = (true, dash);
    let mut part = vec![start];
    for pair in path.windows(2) {
        let ((mut x, mut y), (to_x, to_y)) = (pair[0], pair[1]);
        loop {
            let rest = (to_x - x).hypot(to_y - y);
            if rest <= left {
                left -= rest;
                if drawing && rest > 0.0 {
                    part.push((to_x, to_y));
                }
                break;
            }
            (x, y) = (x + (to_x - x) * left / rest, y + (to_y - y) * left / rest);
            if drawing {
                part.push((x, y));
                parts.push(std::mem::take(&mut part));
            } else {
                part = vec![(x, y)];
            }
            drawing = !drawing;
            left = if drawing { dash } else { gap };
        }
    }
    if drawing && part.len() > 1 {
        parts.push(part);
    }
    parts
}

/// The inside of the axes, to draw on. Coordinates are the axes' own: ns, bytes, shares, ticks.
pub(super) struct Plot<'a> {
    chart: ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
    root: DrawingArea<SVGBackend<'a>, Shift>,
    layout: &'a Layout,
    /// What hovering shows, as SVG elements.
    tips: String,
}

impl Plot<'_> {
    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.layout.x.at(x), self.layout.y.at(y))
    }

    /// A curve through `points`; a NaN is a gap.
    pub(super) fn line(&mut self, points: &[(f64, f64)], shade: Shade, pixels: f64) {
        for run in points.split(|(_, y)| y.is_nan()) {
            let placed: Vec<(f64, f64)> = run.iter().map(|&point| self.at(point)).collect();
            match placed[..] {
                [] => {}
                [single] => self.dot_at(single, shade, 1.0, pixels * 1.2),
                _ => draw(
                    self.chart
                        .draw_series(LineSeries::new(placed, stroke(shade, 1.0, pixels)))
                        .map(drop),
                ),
            }
        }
    }

    /// A curve of dashes, each `dash` pixels long, with shorter gaps.
    pub(super) fn dashes(&mut self, points: &[(f64, f64)], shade: Shade, pixels: f64, dash: f64) {
        let placed: Vec<(f64, f64)> = points.iter().map(|&point| self.pixels(point)).collect();
        for part in dashed(&placed, dash, dash * 0.7) {
            self.path(part, stroke(shade, 1.0, pixels));
        }
    }

    /// The area between a lower and an upper curve with the same abscissae.
    pub(super) fn area(
        &mut self,
        lower: &[(f64, f64)],
        upper: &[(f64, f64)],
        shade: Shade,
        opacity: f64,
    ) {
        if upper.len() > 1 {
            let outline = upper
                .iter()
                .chain(lower.iter().rev())
                .map(|&point| self.at(point));
            let polygon = Polygon::new(
                outline.collect::<Vec<_>>(),
                shade.rgb().mix(opacity).filled(),
            );
            draw(self.chart.draw_series([polygon]).map(drop));
        }
    }

    /// A box between two corners.
    pub(super) fn bar(&mut self, from: (f64, f64), to: (f64, f64), shade: Shade, opacity: f64) {
        let corners = [self.at(from), self.at(to)];
        draw(
            self.chart
                .draw_series([Rectangle::new(corners, shade.rgb().mix(opacity).filled())])
                .map(drop),
        );
    }

    /// A dot.
    pub(super) fn dot(&mut self, point: (f64, f64), shade: Shade, opacity: f64, radius: f64) {
        let placed = self.at(point);
        self.dot_at(placed, shade, opacity, radius);
    }

    fn dot_at(&mut self, placed: (f64, f64), shade: Shade, opacity: f64, radius: f64) {
        let circle = Circle::new(placed, units(radius), shade.rgb().mix(opacity).filled());
        draw(self.chart.draw_series([circle]).map(drop));
    }

    /// A level with its label on the line's left end, above it.
    pub(super) fn level(&mut self, y: f64, label: &str, shade: Shade) {
        let range = self.layout.x.range();
        let ends = [
            (range.start, self.layout.y.at(y)),
            (range.end, self.layout.y.at(y)),
        ];
        let ends = ends.map(|(x, y)| self.place(x, y));
        for part in dashed(&ends, 9.0, 4.0) {
            self.path(part, stroke(shade, 1.0, 1.5));
        }
        let (left, line) = self.pixels((range.start, y));
        // Above the line if there is room, below it otherwise.
        let up = line - 16.0 > self.pixels((range.start, self.layout.y.range().end)).1 - 14.0;
        let text = if up { line - 3.0 } else { line + 3.0 };
        let v = if up { VPos::Bottom } else { VPos::Top };
        self.text(
            label,
            left + 6.0,
            text,
            &font(LABEL, true, shade, HPos::Left, v),
        );
    }

    /// A text inside the plot, in the middle: why there is nothing to see.
    pub(super) fn remark(&mut self, text: &str) {
        let (x, y) = (&self.layout.x.range(), &self.layout.y.range());
        let middle = self
            .chart
            .backend_coord(&(f64::midpoint(x.start, x.end), f64::midpoint(y.start, y.end)));
        let style = font(13.0, false, palette::MUTED, HPos::Center, VPos::Center);
        draw(self.root.draw(&Text::new(text.to_owned(), middle, style)));
    }

    /// What hovering over the stretch of the plot between `from` and `to` shows.
    pub(super) fn tip(&mut self, from: f64, to: f64, text: &str) {
        let y = self.layout.y.range();
        let (left, top) = self.pixels((from, y.end));
        let (right, bottom) = self.pixels((to, y.start));
        self.push_tip((left, top), (right, bottom), text);
    }

    /// What hovering near a point shows.
    pub(super) fn dot_tip(&mut self, point: (f64, f64), text: &str) {
        let (x, y) = self.pixels(point);
        self.push_tip((x - 5.0, y - 5.0), (x + 5.0, y + 5.0), text);
    }

    fn push_tip(&mut self, (left, top): (f64, f64), (right, bottom): (f64, f64), text: &str) {
        // Lines of a tip are kept: they are ours, and each is escaped.
        let text = text.lines().map(escape).collect::<Vec<_>>().join("\n");
        let (x, y, width, height) = (
            units(left),
            units(top),
            units(right - left),
            units(bottom - top),
        );
        writeln!(
            self.tips,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"><title>{text}</title></rect>"
        )
        .expect("a string takes everything");
    }

    /// Where a point is in the drawing, in pixels.
    fn pixels(&self, point: (f64, f64)) -> (f64, f64) {
        let (x, y) = self.at(point);
        self.place(x, y)
    }

    /// The same for positions on the axes.
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let (x, y) = self.chart.backend_coord(&(x, y));
        (f64::from(x) / UNITS, f64::from(y) / UNITS)
    }

    fn text(&self, text: &str, x: f64, y: f64, style: &TextStyle<'static>) {
        draw(self.root.draw(&Text::new(
            Cow::Borrowed(text),
            (units(x), units(y)),
            style.clone(),
        )));
    }

    fn path(&self, points: Vec<(f64, f64)>, style: ShapeStyle) {
        let placed: Vec<(i32, i32)> = points
            .into_iter()
            .map(|(x, y)| (units(x), units(y)))
            .collect();
        draw(self.root.draw(&PathElement::new(placed, style)));
    }

    fn write_title(&self, title: &str) {
        let style = font(15.0, true, palette::INK, HPos::Left, VPos::Center);
        self.text(&cut(title, 110), 10.0, TITLE_HEIGHT / 2.0 + 3.0, &style);
    }

    fn legend(&self, keys: &[(&Key, usize, f64)], top: f64) {
        for (key, row, left) in keys {
            let middle = top + (*row as f64 + 0.5) * ROW_HEIGHT;
            let line = |from: f64, to: f64| {
                self.path(
                    vec![(left + from, middle), (left + to, middle)],
                    stroke(key.shade, 1.0, 2.0),
                );
            };
            match key.swatch {
                Swatch::Area => {
                    let corners = [
                        (units(left + 2.0), units(middle - 5.0)),
                        (units(left + 15.0), units(middle + 5.0)),
                    ];
                    draw(
                        self.root
                            .draw(&Rectangle::new(corners, key.shade.rgb().mix(0.8).filled())),
                    );
                }
                Swatch::Line => line(1.0, 17.0),
                Swatch::Dashes => {
                    line(1.0, 6.0);
                    line(11.0, 16.0);
                }
                Swatch::Dot => {
                    let center = (units(left + 9.0), units(middle));
                    draw(self.root.draw(&Circle::new(
                        center,
                        units(3.5),
                        key.shade.rgb().filled(),
                    )));
                }
            }
            let style = font(LABEL, false, palette::INK, HPos::Left, VPos::Center);
            self.text(&key.label, left + 22.0, middle, &style);
        }
    }

    /// Grid, labels and titles of both axes.
    fn axes(&self, top: f64, lanes: f64) {
        let Layout { x, y, .. } = self.layout;
        let (left, right) = (LEFT, self.layout.width() - RIGHT);
        let bottom = top + self.layout.plot_height;
        let label = |h, v| font(LABEL, false, palette::MUTED, h, v);
        for (place, text) in y.ticks() {
            let height = f64::from(self.chart.backend_coord(&(x.range().start, *place)).1) / UNITS;
            self.path(
                vec![(left, height), (right, height)],
                stroke(palette::GRID, 1.0, 1.0),
            );
            self.text(text, left - 8.0, height, &label(HPos::Right, VPos::Center));
        }
        if !y.title().is_empty() {
            self.text(
                y.title(),
                left,
                top - ROW_HEIGHT / 2.0 - 8.0,
                &label(HPos::Center, VPos::Center),
            );
        }
        let labels = bottom + lanes + 5.0;
        let mut free = f64::NEG_INFINITY;
        for (place, text) in x.ticks() {
            let across = f64::from(self.chart.backend_coord(&(*place, y.range().start)).0) / UNITS;
            self.path(
                vec![(across, bottom + lanes), (across, bottom + lanes + 4.0)],
                stroke(palette::AXIS, 1.0, 1.0),
            );
            // A label that would touch its neighbour is left out, its mark stays.
            let half = text_width(text, LABEL, false) * 0.55;
            let middle = across.min(self.layout.width() - half - 2.0);
            if middle - half >= free {
                self.text(text, middle, labels + 1.0, &label(HPos::Center, VPos::Top));
                free = middle + half + 6.0;
            }
        }
        self.text(
            x.title(),
            f64::midpoint(left, right),
            labels + 18.0,
            &label(HPos::Center, VPos::Top),
        );
    }

    fn base_line(&self, top: f64) {
        let bottom = top + self.layout.plot_height;
        let right = self.layout.width() - RIGHT;
        self.path(
            vec![(LEFT, bottom), (right, bottom)],
            stroke(palette::AXIS, 1.0, 1.0),
        );
    }

    fn lanes(&mut self, top: f64) {
        let layout = self.layout;
        let bottom = top + layout.plot_height + 4.0;
        let right = layout.width() - RIGHT;
        for (place, lane) in layout.lanes.iter().enumerate() {
            let upper = bottom + place as f64 * LANE_HEIGHT;
            let lower = upper + LANE_HEIGHT;
            let style = font(11.0, false, palette::MUTED, HPos::Right, VPos::Center);
            self.text(lane.label, LEFT - 8.0, f64::midpoint(upper, lower), &style);
            self.path(
                vec![(LEFT, lower), (right, lower)],
                stroke(palette::GRID, 1.0, 1.0),
            );
            // Marks that would cover each other are drawn once, and say how many they are.
            let column =
                |mark: &(f64, String)| (self.pixels((mark.0, 0.0)).0 / MARK).round() as i64;
            let groups: Vec<_> = lane.marks.chunk_by(|a, b| column(a) == column(b)).collect();
            for group in groups {
                let (moment, tip) = &group[0];
                let across = self.pixels((*moment, 0.0)).0;
                self.path(
                    vec![(across, upper + 3.0), (across, lower - 2.0)],
                    stroke(lane.shade, 1.0, MARK),
                );
                let corners = ((across - 2.0, upper), (across + 2.0, lower));
                match group.len() - 1 {
                    0 => self.push_tip(corners.0, corners.1, tip),
                    more => self.push_tip(corners.0, corners.1, &format!("{tip}\nand {more} more")),
                }
            }
        }
    }
}

/// Turns what `plotters` wrote into a drawing that scales, says what it is, and answers to hovering.
fn finish(svg: &str, width: f64, height: f64, title: &str, tips: &str) -> String {
    let body = svg.split_once(">\n").map_or("", |(_, body)| body);
    let body = body.trim_end().trim_end_matches("</svg>");
    let title = escape(title);
    let (view_width, view_height) = (units(width), units(height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {view_width} {view_height}\" role=\"img\" aria-label=\"{title}\">\n{body}\
         <g class=\"tips\" fill=\"none\" pointer-events=\"all\">\n{tips}</g>\n</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_follow_corners() {
        let corner = [(0.0, 0.0), (3.0, 0.0), (3.0, 5.0)];
        let parts = dashed(&corner, 4.0, 2.0);
        assert_eq!(
            parts,
            [
                vec![(0.0, 0.0), (3.0, 0.0), (3.0, 1.0)],
                vec![(3.0, 3.0), (3.0, 5.0)]
            ]
        );
        assert!(dashed(&[], 4.0, 2.0).is_empty());
        assert!(dashed(&[(1.0, 1.0)], 4.0, 2.0).is_empty());
    }
}
