//! One line at the bottom of the terminal: how far the run is, and how full the heap.

use std::time::{Duration, Instant};

use heaplab_reports::format;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// How often the line may change.
const INTERVAL: Duration = Duration::from_millis(100);
/// Cells of the gauge that shows how full the heap is.
const GAUGE: usize = 12;

/// The live figures of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Ticks or milliseconds done, and how many there will be.
    pub(crate) done: u64,
    /// All of them.
    pub(crate) all: u64,
    /// Bytes of the old generation.
    pub(crate) old_bytes: u64,
    /// The most there can be.
    pub(crate) limit_bytes: u64,
    /// Bytes outside the heap.
    pub(crate) external_bytes: u64,
    /// Minor collections so far.
    pub(crate) minor: u64,
    /// Major collections so far.
    pub(crate) major: u64,
}

/// A progress line, or nothing where there is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    due: Instant,
}

impl Progress {
    /// A line named `name`, if `output` has a terminal for it.
    pub(crate) fn new(output: Output, name: String) -> Self {
        let bar = output.shows_progress().then(|| {
            let style = ProgressStyle::with_template(
                "{prefix:.bold} {bar:20.cyan/dim} {percent:>3}%  {msg}",
            )
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸─");
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            bar.with_style(style).with_prefix(name)
        });
        Self {
            bar,
            due: Instant::now(),
        }
    }

    /// Whether it is time to show new figures; cheap enough for every tick.
    pub(crate) fn is_due(&self) -> bool {
        self.bar.is_some() && Instant::now() >= self.due
    }

    /// Shows new figures.
    pub(crate) fn show(&mut self, figures: &Figures) {
        if let Some(bar) = &self.bar {
            self.due = Instant::now() + INTERVAL;
            bar.set_length(figures.all.max(1));
            bar.set_position(figures.done.min(figures.all));
            bar.set_message(line(figures));
        }
    }

    /// Says what takes a while, instead of figures.
    pub(crate) fn say(&self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(message.to_owned());
            bar.tick();
        }
    }

    /// Runs `print` while the line is out of the way.
    pub(crate) fn aside<R>(&self, print: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The figures behind the bar: at most 50 columns.
fn line(figures: &Figures) -> String {
    let full = figures.old_bytes as f64 / figures.limit_bytes.max(1) as f64;
    let mut text = format!(
        "old {} {} of {}",
        gauge(full),
        format::bytes(figures.old_bytes as f64),
        format::bytes(figures.limit_bytes as f64),
    );
    if figures.external_bytes > 0 {
        text.push_str(&format!(
            " + {}",
            format::bytes(figures.external_bytes as f64)
        ));
    }
    text.push_str(&format!("  gc {}+{}", figures.minor, figures.major));
    text
}

/// A gauge that is `full` (0 to 1), in eighths of a cell.
fn gauge(full: f64) -> String {
    const EIGHTHS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    let eighths = (full.clamp(0.0, 1.0) * (GAUGE * 8) as f64).round() as usize;
    let cells = (0..GAUGE).map(|cell| EIGHTHS[eighths.saturating_sub(cell * 8).min(8)]);
    std::iter::once('▕').chain(cells).chain(['▏']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_fill_from_the_left() {
        assert_eq!(gauge(0.0), "▕            ▏");
        assert_eq!(gauge(0.5), "▕██████      ▏");
        assert_eq!(gauge(0.52), "▕██████▎     ▏");
        assert_eq!(gauge(7.0), "▕████████████▏");
        assert_eq!(gauge(f64::NAN), "▕            ▏");
    }

    #[test]
    fn the_line_fits_eighty_columns_with_its_bar() {
        let figures = Figures {
            done: 1,
            all: 2,
            old_bytes: 1023 << 20,
            limit_bytes: 4096 << 20,
            external_bytes: 0,
            minor: 12_345,
            major: 123,
        };
        let text = line(&figures);
        assert_eq!(text, "old ▕███         ▏ 1,023 MB of 4 GB  gc 12345+123");
        assert!(text.chars().count() + "cache leak ".len() + 20 + 7 <= 88);
    }
}
