//! Charts of runs and comparisons as SVG, drawn with `plotters`, and as PNG.
//!
//! [`run_charts`] and [`comparison_charts`] decide what is shown; each chart comes as a drawing that stands
//! alone (with its title, for a file) and one for a page that has the title in its own text. All colours
//! are of one palette, so that a page can recolour the drawings for a dark screen with [`dark_rules`].

mod axis;
mod comparison;
mod curves;
mod frame;
mod memory;
mod palette;
mod pauses;
mod png;
mod rates;
mod utilisation;

use crate::record::RunRecord;

pub use comparison::comparison_charts;
pub(crate) use memory::snapshot_reason;
pub use palette::dark_rules;
pub use png::{PngError, png};

/// A drawn chart.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Its file's name without ending: `memory`.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// What to look at, one or two whole sentences.
    pub caption: String,
    /// It is drawn at half the page's width.
    pub half: bool,
    /// The drawing with its title, a whole SVG document.
    pub svg: String,
    /// The drawing without its title, to stand in a page.
    pub inline: String,
}

/// The charts of one run: memory, pauses, rates, utilisation, and the workload's own.
pub fn run_charts(run: &RunRecord) -> Vec<Chart> {
    let mut charts = vec![memory::memory(run)];
    charts.extend(curves::curves(run));
    charts.push(pauses::pauses(run));
    charts.push(pauses::percentiles(run));
    charts.push(utilisation::mmu(run));
    charts.push(utilisation::share(run));
    charts.push(rates::rates(run));
    charts
}

/// How many stretches a run is split into for rates and shares, at most `most`: few enough that each holds some
/// collections, or the chart would be a comb.
fn stretches(run: &RunRecord, most: usize) -> usize {
    (run.collections().count() / 2).clamp(20, most)
}

/// The length of a run in ns: its end, or its last event if that is later.
fn span_ns(run: &RunRecord) -> u64 {
    let events = run.events.iter().map(|event| match event {
        crate::record::Event::Gc(gc) => gc.end_us(),
        other => other.time_us(),
    });
    events
        .max()
        .unwrap_or(0)
        .max(run.info.end.time_us)
        .saturating_mul(1000)
}
