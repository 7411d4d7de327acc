//! Where the live heap is heading: flat, or growing towards the limit, and when it would get there.
//!
//! The live heap is what a major collection leaves in the old generation and outside; the young generation
//! holds garbage at any time. Its slope is the median of the slopes of all pairs of points (Theil 1950, Sen
//! 1968), over the later half of the run, where the warm-up is over: one odd collection does not tilt it.
//! It counts as growth if it matters (a twentieth of the heap) and is steady (Kendall's tau): floating garbage
//! rises and falls, a leak only rises.

use serde::Serialize;

use crate::record::{Event, GcKind, HeapSizes};

/// Most points whose pairs are looked at; more are thinned evenly.
const MOST_POINTS: usize = 400;
/// Growth over the observed stretch below this share of the live heap counts as flat.
const FLAT: f64 = 0.05;
/// Rising less falling pairs, as a share of all, below which there is no direction.
const STEADY: f64 = 0.6;
/// Points that a direction should rest on, even if some are of the earlier half.
const ENOUGH_POINTS: usize = 5;

/// What was live at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LivePoint {
    /// When, in seconds.
    pub seconds: f64,
    /// Ticks done.
    pub tick: f64,
    /// Live in the old generation and, through the heap, outside.
    pub live_bytes: f64,
    /// Live in the old generation, which has a limit.
    pub old_bytes: f64,
    /// Held outside the heap by what is live, which may have another.
    pub external_bytes: f64,
}

/// How the live heap moved in the later half of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It grew.
    Growing,
    /// It stayed within a twentieth.
    Flat,
    /// It became smaller.
    Shrinking,
}

/// Where the live heap is heading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// In a word.
    pub verdict: Verdict,
    /// How many points it rests on.
    pub points: usize,
    /// The points are what major collections left. If not, there were too few of those, and garbage may be
    /// counted as growth.
    pub certain: bool,
    /// Growth per second of the run's clock.
    pub bytes_per_second: f64,
    /// Growth per tick.
    pub bytes_per_tick: f64,
    /// Live at the last point.
    pub live_bytes: f64,
    /// Seconds from the last event until a limit is met at this pace, if it grows: that of the old generation, or
    /// that of memory outside the heap, whichever comes first.
    pub seconds_to_limit: Option<f64>,
    /// Ticks from the last event until then.
    pub ticks_to_limit: Option<f64>,
}

/// The live heap over time: after each major collection if there were at least three, else at each sample.
pub fn live_points(events: &[Event]) -> (Vec<LivePoint>, bool) {
    let point = |time_ns: u64, tick: f64, heap: &HeapSizes| LivePoint {
        seconds: time_ns as f64 / 1e9,
        tick,
        live_bytes: heap.old_generation_bytes() as f64 + heap.external_bytes as f64,
        old_bytes: heap.old_generation_bytes() as f64,
        external_bytes: heap.external_bytes as f64,
    };
    let (mut after_majors, mut at_samples) = (Vec::new(), Vec::new());
    // Majors that wait for the next sample to know their tick.
    let (mut waiting, mut tick) = (0, 0.0);
    for event in events {
        match event {
            Event::Gc(gc) if gc.kind == GcKind::Major => {
                after_majors.push(point(
                    gc.end_us().saturating_mul(1000),
                    gc.tick.map_or(tick, |tick| tick as f64),
                    &gc.after,
                ));
            }
            Event::Sample(sample) => {
                let now = sample.time_us.saturating_mul(1000);
                let before = (at_samples.last())
                    .map_or((0.0, 0.0), |last: &LivePoint| (last.seconds, last.tick));
                at_samples.push(point(now, sample.tick as f64, &sample.heap));
                tick = sample.tick as f64;
                for major in &mut after_majors[waiting..] {
                    let part = (major.seconds - before.0) / (now as f64 / 1e9 - before.0);
                    if part.is_finite() {
                        major.tick = major
                            .tick
                            .max(before.1 + (tick - before.1) * part.clamp(0.0, 1.0));
                    }
                }
                waiting = after_majors.len();
            }
            _ => {}
        }
    }
    // What was tried in one tick is told by its last collection.
    after_majors.reverse();
    after_majors.dedup_by(|later, earlier| later.tick == earlier.tick);
    after_majors.reverse();
    if after_majors.len() >= 3 {
        (after_majors, true)
    } else {
        (at_samples, false)
    }
}

/// Where the live heap of a run is heading against limits on the old generation (0: none) and on memory outside the
/// heap. `None` if there are fewer than three points.
pub fn trend(
    events: &[Event],
    limit_bytes: u64,
    external_limit_bytes: Option<u64>,
) -> Option<Trend> {
    let (points, certain) = live_points(events);
    let (first, last) = (*points.first()?, *points.last()?);
    let half = (first.seconds + last.seconds) / 2.0;
    let start = points.partition_point(|point| point.seconds < half);
    let start = start.min(points.len().saturating_sub(ENOUGH_POINTS));
    let mut later = points[start..].to_vec();
    if later.len() < 3 {
        return None;
    }
    if later.len() > MOST_POINTS {
        let step = later.len() as f64 / MOST_POINTS as f64;
        later = (0..MOST_POINTS)
            .map(|n| later[(n as f64 * step) as usize])
            .chain([last])
            .collect();
    }
    let per_second = slope(&later, |point| point.seconds, |point| point.live_bytes)?;
    let per_tick = slope(&later, |point| point.tick, |point| point.live_bytes).unwrap_or(0.0);
    let growth = per_second * (last.seconds - later[0].seconds);
    let enough = FLAT * last.live_bytes.max(1.0);
    let direction = tau(&later);
    let verdict = match growth {
        g if g > enough && direction >= STEADY => Verdict::Growing,
        g if g < -enough && direction <= -STEADY => Verdict::Shrinking,
        _ => Verdict::Flat,
    };
    // The last point may be long before the end of the run; what has passed since then counts.
    let (end_seconds, end_tick) =
        events
            .iter()
            .fold((last.seconds, last.tick), |end, event| match event {
                Event::Sample(sample) => (
                    end.0.max(sample.time_us as f64 / 1e6),
                    end.1.max(sample.tick as f64),
                ),
                _ => end,
            });
    // Each limit with what counts towards it.
    type Held = fn(&LivePoint) -> f64;
    let limits: [(u64, Held); 2] = [
        (limit_bytes, |point| point.old_bytes),
        (external_limit_bytes.unwrap_or(0), |point| {
            point.external_bytes
        }),
    ];
    let until = |x: fn(&LivePoint) -> f64, end: f64| {
        let left = limits.iter().filter_map(|&(limit, held)| {
            let pace = slope(&later, x, held).filter(|&pace| limit > 0 && pace > 0.0)?;
            Some(((limit as f64 - held(&last)) / pace - (end - x(&last))).max(0.0))
        });
        left.min_by(f64::total_cmp)
            .filter(|_| verdict == Verdict::Growing)
    };
    Some(Trend {
        verdict,
        points: later.len(),
        certain,
        bytes_per_second: per_second,
        bytes_per_tick: per_tick,
        live_bytes: last.live_bytes,
        seconds_to_limit: until(|point| point.seconds, end_seconds),
        ticks_to_limit: until(|point| point.tick, end_tick),
    })
}

/// Kendall's tau of the live heap over time: 1 if it only rises, -1 if it only falls.
fn tau(points: &[LivePoint]) -> f64 {
    let mut sum = 0;
    for (place, a) in points.iter().enumerate() {
        for b in &points[place + 1..] {
            sum += i64::from(b.live_bytes > a.live_bytes) - i64::from(b.live_bytes < a.live_bytes);
        }
    }
    let pairs = points.len() * points.len().saturating_sub(1) / 2;
    sum as f64 / pairs.max(1) as f64
}

/// The median of the slopes of all pairs; `None` if all points have the same abscissa.
fn slope(
    points: &[LivePoint],
    x: impl Fn(&LivePoint) -> f64,
    y: impl Fn(&LivePoint) -> f64,
) -> Option<f64> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (place, a) in points.iter().enumerate() {
        for b in &points[place + 1..] {
            if x(b) != x(a) {
                slopes.push((y(b) - y(a)) / (x(b) - x(a)));
            }
        }
    }
    if slopes.is_empty() {
        return None;
    }
    let middle = slopes.len() / 2;
    Some(*slopes.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{GcEvent, Sample};

    /// Major collections once a second, each leaving what `live` says; 100 ticks a second.
    fn run(live: impl Fn(f64) -> f64) -> Vec<Event> {
        let mut events = Vec::new();
        for second in 1..=20_u64 {
            let heap = HeapSizes {
                old_bytes: live(second as f64) as u64,
                ..HeapSizes::default()
            };
            let start_us = second * 1_000_000 - 10;
            let gc = GcEvent {
                kind: GcKind::Major,
                start_us,
                total_ns: 10_000,
                after: heap,
                ..GcEvent::default()
            };
            events.push(Event::Gc(Box::new(gc)));
            events.push(Event::Sample(Sample {
                tick: second * 100,
                time_us: second * 1_000_000,
                heap,
                ..Sample::default()
            }));
        }
        events
    }

    #[test]
    fn a_leak_is_extrapolated_to_the_limit() {
        let trend = trend(&run(|second| 1e6 + second * 1e5), 4_000_000, None).unwrap();
        assert_eq!((trend.verdict, trend.certain), (Verdict::Growing, true));
        assert!((trend.bytes_per_second - 1e5).abs() < 1.0, "{trend:?}");
        assert!((trend.bytes_per_tick - 1e3).abs() < 1.0, "{trend:?}");
        // 1e6 + 20e5 are live at the end; 1e6 are left, at 1e5 per second and 1e3 per tick.
        assert!(
            (trend.seconds_to_limit.unwrap() - 10.0).abs() < 0.01,
            "{trend:?}"
        );
        assert!(
            (trend.ticks_to_limit.unwrap() - 1000.0).abs() < 1.0,
            "{trend:?}"
        );
    }

    #[test]
    fn warm_up_and_outliers_are_no_leak() {
        let flat = trend(
            &run(|second| second.min(5.0) * 1e6 + if second == 15.0 { 4e6 } else { 0.0 }),
            9_000_000,
            None,
        )
        .unwrap();
        assert_eq!(flat.verdict, Verdict::Flat);
        assert_eq!(flat.seconds_to_limit, None);
        let shrinking = trend(&run(|second| 40e6 - second * 1e6), 0, None).unwrap();
        assert_eq!(shrinking.verdict, Verdict::Shrinking);
    }

    #[test]
    fn floating_garbage_is_no_leak() {
        // What incremental marking left over a bounded cache: it drifts up and falls back.
        let floating = [
            6.25, 6.45, 6.65, 6.90, 7.10, 7.31, 7.50, 5.67, 7.54, 7.75, 5.8, 6.1, 6.4,
        ];
        let steady = trend(
            &run(|second| 1e6 * floating[second as usize % floating.len()]),
            64_000_000,
            None,
        )
        .unwrap();
        assert_eq!(steady.verdict, Verdict::Flat);
    }

    #[test]
    fn last_resorts_count_once() {
        let mut events = run(|second| second * 3e6);
        let Some(Event::Gc(last)) = events
            .iter()
            .rev()
            .find(|event| matches!(event, Event::Gc(_)))
            .cloned()
        else {
            panic!("the run ends with a collection");
        };
        for n in 1..30 {
            let mut gc = last.clone();
            (gc.start_us, gc.tick) = (last.start_us + n * 100_000, Some(2_000));
            events.push(Event::Gc(gc));
        }
        let (points, _) = live_points(&events);
        assert!(points.len() <= 21, "{}", points.len());
        assert_eq!(
            trend(&events, 64_000_000, None).unwrap().verdict,
            Verdict::Growing
        );
    }

    #[test]
    fn samples_stand_in_for_major_collections() {
        let events: Vec<Event> = run(|second| second * 1e6)
            .into_iter()
            .filter(|event| matches!(event, Event::Sample(_)))
            .collect();
        let trend = trend(&events, 0, None).unwrap();
        assert_eq!(
            (trend.verdict, trend.certain, trend.seconds_to_limit),
            (Verdict::Growing, false, None)
        );
        assert_eq!(super::trend(&events[..2], 0, None), None);
        assert_eq!(super::trend(&[], 0, None), None);
    }

    #[test]
    fn all_points_at_one_moment_are_no_trend() {
        let events: Vec<Event> = (0..5).map(|_| Event::Sample(Sample::default())).collect();
        assert_eq!(trend(&events, 100, None), None);
    }
}
