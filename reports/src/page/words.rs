//! What happened, in words: what leaked, how fast, when the limit came or would come, what a cure changed.

use crate::escape::{escape, plain};
use crate::format;
use crate::record::{GroundTruth, Outcome, RunRecord};
use crate::stats::{Trend, Verdict, trend};
use crate::summary::{Place, RunSummary};

/// A paragraph, some of whose words stand out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paragraph(Vec<Span>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Span {
    Text(String),
    Strong(String),
    Code(String),
}

impl Span {
    fn is_empty(&self) -> bool {
        let (Self::Text(text) | Self::Strong(text) | Self::Code(text)) = self;
        text.is_empty()
    }
}

impl Paragraph {
    fn say(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Text(text.into()));
        self
    }

    fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Strong(text.into()));
        self
    }

    fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Code(text.into()));
        self
    }

    /// Whole sentences, with a space before unless they come first.
    fn sentence(self, text: &str) -> Self {
        let text = text.trim();
        let first = self.0.iter().all(Span::is_empty);
        match (text, first) {
            ("", _) => self,
            (_, true) => self.say(text),
            (_, false) => self.say(format!(" {text}")),
        }
    }

    /// The paragraph without emphasis, and without control characters.
    pub fn text(&self) -> String {
        let spans = self.0.iter().map(|span| match span {
            Span::Text(text) | Span::Strong(text) | Span::Code(text) => plain(text),
        });
        spans.collect()
    }

    /// The paragraph as HTML, without the tag around it.
    pub(super) fn html(&self) -> String {
        let spans = self.0.iter().map(|span| match span {
            Span::Text(text) => unbroken(&escape(text)),
            Span::Strong(text) => format!("<strong>{}</strong>", unbroken(&escape(text))),
            Span::Code(text) => format!("<code>{}</code>", escape(text)),
        });
        spans.collect()
    }
}

/// `text` with a space that does not break between a figure and its unit.
fn unbroken(text: &str) -> String {
    const UNITS: [&str; 10] = [
        "bytes", "KB", "MB", "GB", "TB", "ns", "µs", "ms", "s", "ticks",
    ];
    let mut joined = String::with_capacity(text.len());
    for (place, word) in text.split(' ').enumerate() {
        let unit = word.trim_end_matches(|c: char| c.is_ascii_punctuation());
        if place > 0 {
            let after_figure = joined.ends_with(|c: char| c.is_ascii_digit());
            joined.push(if after_figure && UNITS.contains(&unit) {
                '\u{a0}'
            } else {
                ' '
            });
        }
        joined.push_str(word);
    }
    joined
}

/// What happened in a run: how it ended and where its memory was heading; what leaks and why, or what the
/// cure does; what collecting cost.
pub fn run_words(run: &RunRecord) -> Vec<Paragraph> {
    let summary = RunSummary::of(run);
    let end = heading(ending(run, &summary), run, summary.pressure().place);
    let mut paragraphs = vec![end];
    paragraphs.extend(cause(run));
    paragraphs.push(cost(&summary));
    paragraphs
}

/// `1 tick`, `41,200 ticks`.
fn ticks(count: u64) -> String {
    format!(
        "{} {}",
        format::count(count),
        if count == 1 { "tick" } else { "ticks" }
    )
}

/// A forecast with the two digits it may claim.
fn rounded(value: f64) -> u64 {
    let step = 10_f64.powf(value.max(1.0).log10().floor() - 1.0).max(1.0);
    ((value / step).round() * step) as u64
}

fn seconds(time_us: u64) -> String {
    format::duration(time_us as f64 * 1e3)
}

/// How the run ended.
fn ending(run: &RunRecord, summary: &RunSummary) -> Paragraph {
    let end = &run.info.end;
    let pressure = summary.pressure();
    let (place, limit) = (pressure.place.holder(), pressure.limit_bytes);
    let after = format!("after {} ({})", ticks(end.ticks), seconds(end.time_us));
    let held = format::bytes(pressure.peak_bytes as f64);
    let words = Paragraph::default();
    match &end.outcome {
        Outcome::HeapLimit {
            which,
            limit_bytes,
            live_bytes,
            requested_bytes,
            collections_tried,
        } => {
            let tries = match collections_tried {
                0 => "no collection was tried".to_owned(),
                1 => "a last collection won too little back".to_owned(),
                n => format!(
                    "{} last collections won too little back",
                    format::count(u64::from(*n))
                ),
            };
            let what = match limit_bytes {
                // The system's own limits are not known in bytes.
                0 => format!("The heap could not grow any more ({which})"),
                bytes => format!(
                    "The heap reached its limit of {} ({which})",
                    format::bytes(*bytes as f64)
                ),
            };
            let live = format::bytes(*live_bytes as f64);
            let live = match pressure.place {
                Place::OldGeneration if live_bytes > limit_bytes => {
                    format!("{live} were live, the young generation included")
                }
                Place::OldGeneration => format!("{live} were live"),
                Place::Outside => format!("{live} were live in the heap"),
            };
            words.strong(format!("{what} {after}.")).say(format!(
                " {live}, an allocation of {} found no room, and {tries}.",
                format::bytes(*requested_bytes as f64)
            ))
        }
        Outcome::Completed => words
            .strong(format!(
                "All {} were run in {}, and no limit was reached.",
                ticks(end.ticks),
                seconds(end.time_us)
            ))
            .say(if limit > 0 {
                format!(
                    " {} held at most {held} of the {} allowed.",
                    capital(place),
                    format::bytes(limit as f64)
                )
            } else {
                format!(" {} held at most {held}.", capital(place))
            }),
        Outcome::Interrupted => words
            .strong(format!("The run was interrupted {after}."))
            .say(format!(" Until then {place} held at most {held}.")),
        Outcome::Running => words
            .strong(format!("The record breaks off {after}:"))
            .say(format!(
                " it was never closed. Until then {place} held at most {held}."
            )),
        Outcome::Failed { message } => words
            .strong(format!("The run failed {after}:"))
            .say(format!(" {message}.")),
    }
}

/// Where what is live was heading.
fn heading(words: Paragraph, run: &RunRecord, place: Place) -> Paragraph {
    let limit_reached = matches!(run.info.end.outcome, Outcome::HeapLimit { .. });
    let Some(trend) = trend(
        &run.events,
        run.info.limits.max_old_space_bytes,
        run.info.limits.max_external_bytes,
    ) else {
        return words.say(match run.samples().next() {
            None => " No sample was taken.",
            Some(_) => " The run was too short to say where memory was heading.",
        });
    };
    let live = format::bytes(trend.live_bytes);
    match (trend.verdict, trend.certain) {
        (Verdict::Growing, true) => {
            let words = words
                .say(format!(" {} grew by ", capital(place.live())))
                .strong(pace(&trend));
            let words = match (limit_reached, trend.seconds_to_limit, trend.ticks_to_limit) {
                (false, Some(left_s), Some(left_ticks)) => {
                    let (more, time) = (ticks(rounded(left_ticks)), format::duration(left_s * 1e9));
                    words
                        .say("; at that pace the limit would come ")
                        .strong(format!("after about {more} more ({time})"))
                }
                _ => words,
            };
            words.say(", judging by what major collections left alive in the later half of the run.")
        }
        (Verdict::Growing, false) => words.say(
            " It was growing to the end, but too few major collections took place to tell what of that was garbage.",
        ),
        // What grew may all be young still; the limit has been reached nevertheless.
        _ if limit_reached => {
            words.say(" Too few major collections took place before that to tell how fast it grew.")
        }
        (Verdict::Flat, true) => words
            .say(" After its warm-up ")
            .strong(format!("{} stayed level at about {live}", place.live()))
            .say(": no sign of a leak."),
        (Verdict::Shrinking, true) => words.say(format!(
            " {} became smaller, to {live} in the end.",
            capital(place.live())
        )),
        (Verdict::Flat | Verdict::Shrinking, false) => {
            words.say(" In the later half of the run ").strong("the old generation did not grow").say(".")
        }
    }
}

/// `1.60 KB per tick, 15.6 MB per second`.
fn pace(trend: &Trend) -> String {
    let per_second = format!("{} per second", format::bytes(trend.bytes_per_second));
    if trend.bytes_per_tick > 0.0 {
        format!(
            "{} per tick, {per_second}",
            format::bytes(trend.bytes_per_tick)
        )
    } else {
        per_second
    }
}

/// What leaks and why it stays, or what the cure does about it.
fn cause(run: &RunRecord) -> Vec<Paragraph> {
    let summary = run.info.workload.summary.trim();
    let words = Paragraph::default();
    let (words, verb) = match &run.info.cure {
        None => (words.say(summary), "What leaks:"),
        Some(cure) => {
            let words = words
                .say("The cure ")
                .code(&cure.name)
                .say(" was applied.")
                .sentence(&cure.summary);
            let words = if summary.is_empty() {
                words
            } else {
                words.say(" Left to leak: ").say(summary)
            };
            (words, "What leaks then:")
        }
    };
    let leak = |words: Paragraph, verb: &str, truth: &GroundTruth| {
        let words = words
            .sentence(verb)
            .say(" ")
            .code(&truth.class)
            .say(" objects");
        let words = match truth.path.is_empty() {
            true => words,
            false => words.say(", held by ").code(truth.path_text()),
        };
        words.say(".").sentence(&truth.why)
    };
    let paragraphs = match &run.info.ground_truth[..] {
        [one] => vec![leak(words, verb, one)],
        // Several would make one paragraph hard to read.
        several => [words]
            .into_iter()
            .chain(several.iter().enumerate().map(|(place, truth)| {
                let verb = if place == 0 { verb } else { "And:" };
                leak(Paragraph::default(), verb, truth)
            }))
            .collect(),
    };
    paragraphs
        .into_iter()
        .filter(|paragraph| !paragraph.0.iter().all(Span::is_empty))
        .collect()
}

/// What collecting cost.
fn cost(summary: &RunSummary) -> Paragraph {
    let RunSummary {
        minor,
        major,
        pauses,
        ..
    } = summary;
    let words = Paragraph::default();
    if pauses.count == 0 {
        return words.say("No collection took place.");
    }
    let plural = |count: u64, kind: &str| match count {
        0 => format!("no {kind}"),
        n => format!("{} {kind}", format::count(n)),
    };
    let times = if pauses.count == 1 {
        "collection"
    } else {
        "collections"
    };
    words
        .say(format!(
            "{} and {} {times} took ",
            capital(&plural(minor.count, "minor")),
            plural(major.count, "major")
        ))
        .strong(format!(
            "{} of the time",
            format::percent(1.0 - summary.utilisation)
        ))
        .say(format!(
            "; half of the pauses were no longer than {}, the longest was ",
            format::duration(pauses.p50_ns as f64)
        ))
        .strong(format::duration(pauses.max_ns as f64))
        .say(".")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// What the runs have to say beside each other: first what leaks, then a paragraph for each variant.
pub fn comparison_words(runs: &[RunRecord], names: &[String]) -> Vec<Paragraph> {
    let summaries: Vec<RunSummary> = runs.iter().map(RunSummary::of).collect();
    let mut paragraphs = Vec::new();
    let leak = only_leak(runs);
    let overview = overview(runs, &summaries, names);
    if !overview.0.is_empty() {
        paragraphs.push(overview);
    }
    paragraphs.extend(smallest_heap_words(runs, names));
    let uncured = runs.iter().find(|run| run.info.cure.is_none());
    paragraphs.extend(uncured.map(cause).unwrap_or_default());
    let about = contested(&summaries);
    for (place, ((run, summary), name)) in runs.iter().zip(&summaries).zip(names).enumerate() {
        let words = Paragraph::default().strong(name.clone()).say(":");
        let words = match &run.info.cure {
            Some(cure) => words.sentence(&cure.summary),
            None => words,
        };
        let leak = leak
            .filter(|leak| *leak != place)
            .map(|leak| &summaries[leak]);
        paragraphs.push(variant(words, run, summary, leak, about));
    }
    paragraphs
}

/// What the smallest heap means and which run needs least; nothing if nobody looked for it.
pub fn smallest_heap_words(runs: &[RunRecord], names: &[String]) -> Option<Paragraph> {
    let heaps = runs.iter().zip(names);
    let heaps: Vec<_> = heaps
        .filter_map(|(run, name)| Some((run, name, run.info.smallest_heap.as_ref()?)))
        .collect();
    let (first, _, _) = heaps.first()?;
    let what = match first.info.planned_ticks {
        Some(planned) => format!("all {} complete", ticks(planned)),
        None => "the whole run completes".to_owned(),
    };
    let least = heaps
        .iter()
        .filter_map(|(_, name, heap)| Some((heap.max_old_space_bytes?, *name)))
        .min();
    let words = match least {
        Some((bytes, name)) => Paragraph::default()
            .say("Smallest heap: ")
            .strong(format!("{name} with {}", format::bytes(bytes as f64)))
            .say("."),
        None => Paragraph::default(),
    };
    let words = words.sentence(&format!(
        "The smallest heap is the least --max-old-space-size, in whole MB, with which {what}; the same seed was run \
         again on the virtual clock until it was found."
    ));
    let other = heaps
        .iter()
        .find_map(|(_, name, heap)| Some((name, heap.other_limit.as_ref()?)));
    Some(match other {
        Some((name, limit)) => words.sentence(&format!(
            "With {name} none is enough: the run stops at another limit, {limit}."
        )),
        None => words,
    })
}

/// A variant beside others, in a few words.
fn variant(
    words: Paragraph,
    run: &RunRecord,
    summary: &RunSummary,
    leak: Option<&RunSummary>,
    place: Place,
) -> Paragraph {
    let count = ticks(summary.ticks);
    let how = match &run.info.end.outcome {
        Outcome::Completed => format!("All {count} were run"),
        Outcome::HeapLimit { .. } => {
            format!("{} were run until the limit was reached", capital(&count))
        }
        Outcome::Interrupted => format!("{} were run until it was interrupted", capital(&count)),
        Outcome::Running => format!("{} are in the record, which breaks off", capital(&count)),
        Outcome::Failed { .. } => format!("{} were run until the workload failed", capital(&count)),
    };
    let peak = summary.peak_bytes_at(place);
    let share = leak
        .map(|leak| leak.peak_bytes_at(place))
        .filter(|&leak| leak > peak)
        .map_or(String::new(), |leak| {
            format!(
                " ({} of the leak's)",
                format::percent(peak as f64 / leak as f64)
            )
        });
    let words = words.sentence(&format!(
        "{how}, in at most {} {}{share}",
        format::bytes(peak as f64),
        place.after_of()
    ));
    let words =
        match summary.trend {
            Some(trend) if trend.verdict == Verdict::Growing => words
                .say(format!("; {} grew by ", place.live()))
                .strong(format!("{} per tick", format::bytes(trend.bytes_per_tick))),
            Some(trend) if trend.certain => words
                .say(format!("; {} stayed ", place.live()))
                .strong(format!(
                    "level at about {}",
                    format::bytes(trend.live_bytes)
                )),
            _ => words,
        };
    let words = words.say(".");
    match summary.pauses.count {
        0 => words.say(" No collection took place."),
        _ => words.say(format!(
            " Collections took {} of the time, the longest pause was {}.",
            format::percent(1.0 - summary.utilisation),
            format::duration(summary.pauses.max_ns as f64)
        )),
    }
}

/// How many of the variants came through, and which did best.
fn overview(runs: &[RunRecord], summaries: &[RunSummary], names: &[String]) -> Paragraph {
    let leak = only_leak(runs);
    let place = contested(summaries);
    let words = Paragraph::default();
    let words = match leak.map(|place| &summaries[place]) {
        Some(leak) if leak.limit_reached() => words.strong(format!(
            "Without a cure the heap was full after {}.",
            ticks(leak.ticks)
        )),
        Some(leak) => words.say(format!(
            "Without a cure {} held up to {} within {}.",
            place.holder(),
            format::bytes(leak.peak_bytes_at(place) as f64),
            ticks(leak.ticks)
        )),
        None => words,
    };
    let others: Vec<usize> = (0..runs.len())
        .filter(|&place| Some(place) != leak)
        .collect();
    let done: Vec<usize> = others
        .iter()
        .copied()
        .filter(|&place| summaries[place].completed())
        .collect();
    let noun = if others.iter().all(|&place| runs[place].info.cure.is_some()) {
        "cure"
    } else {
        "run"
    };
    let mut words = match (done.len(), others.len()) {
        (_, 0) => return words,
        (1, 1) => words.sentence(&format!("The {noun} {} came to the end.", names[others[0]])),
        (0, 1) => words.say(format!(
            " The {noun} {} did not come to the end.",
            names[others[0]]
        )),
        (2, 2) => words.sentence(&format!("Both {noun}s came to the end.")),
        (0, m) => words.sentence(&format!("None of the {m} {noun}s came to the end.")),
        (n, m) if n == m => words.sentence(&format!("All {m} {noun}s came to the end.")),
        (n, m) => words.sentence(&format!("{n} of {m} {noun}s came to the end.")),
    };
    if others.len() < 2 {
        return words;
    }
    // Among runs none of which got through, all are compared, but not by memory: the first to end needed least.
    let field = if done.is_empty() { &others } else { &done };
    let least = done
        .iter()
        .copied()
        .min_by_key(|&run| summaries[run].peak_bytes_at(place));
    let furthest = others
        .iter()
        .copied()
        .max_by_key(|&run| summaries[run].ticks)
        .filter(|_| done.is_empty());
    // A run without a collection has no pause that could be the shortest.
    let paused: Vec<usize> = field
        .iter()
        .copied()
        .filter(|&run| summaries[run].pauses.max_ns > 0)
        .collect();
    let shortest = paused
        .iter()
        .copied()
        .min_by_key(|&run| summaries[run].pauses.max_ns);
    if let Some(run) = furthest {
        words = words.say(format!(
            " Furthest came {}: {}.",
            names[run],
            ticks(summaries[run].ticks)
        ));
    }
    if let Some(memory) = least {
        words = words.say(format!(
            " Least memory: {} with at most {} {}.",
            names[memory],
            format::bytes(summaries[memory].peak_bytes_at(place) as f64),
            place.after_of(),
        ));
    }
    if let Some(pause) = shortest.filter(|_| paused.len() > 1) {
        words = words.say(format!(
            " The longest pause is shortest with {}: {}.",
            names[pause],
            format::duration(summaries[pause].pauses.max_ns as f64)
        ));
    }
    words
}

/// What the run that came nearest to a limit came near to.
fn contested(summaries: &[RunSummary]) -> Place {
    summaries
        .iter()
        .map(RunSummary::pressure)
        .max_by(|a, b| a.share().total_cmp(&b.share()))
        .map_or(Place::OldGeneration, |pressure| pressure.place)
}

/// The run without a cure, if there is one and only one.
fn only_leak(runs: &[RunRecord]) -> Option<usize> {
    let mut leaks = (0..runs.len()).filter(|&place| runs[place].info.cure.is_none());
    leaks.next().filter(|_| leaks.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stay_with_their_units() {
        let text = " After 5 ticks, 3.2 MB of 64 MB were left; 2 mbs";
        let expected = " After 5\u{a0}ticks, 3.2\u{a0}MB of 64\u{a0}MB were left; 2 mbs";
        assert_eq!(unbroken(text), expected);
        assert_eq!(unbroken(""), "");
    }

    #[test]
    fn forecasts_have_two_digits() {
        assert_eq!(
            [61_592.4, 7.3, 0.0, 128.0].map(rounded),
            [62_000, 7, 0, 130]
        );
    }
}
