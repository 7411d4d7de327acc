//! The heap over time, as points a chart can draw.

use crate::record::{Event, HeapSizes};

/// The heap at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeapPoint {
    /// When, ns.
    pub time_ns: u64,
    /// Ticks done by then.
    pub tick: f64,
    /// Its parts.
    pub heap: HeapSizes,
    /// Old-generation size at which the next major collection starts, if the event knew it.
    pub next_major_bytes: u64,
}

/// All that the events know about the heap's sizes, in order of time: samples, and the moments before and
/// after each collection. Collections that do not say in which tick they happened are placed between the
/// samples by time.
pub fn heap_points(events: &[Event]) -> Vec<HeapPoint> {
    let mut points = Vec::with_capacity(events.len() * 2);
    // Points whose tick is not known yet, from this place on.
    let mut unplaced = 0;
    let mut last = (0_u64, 0.0_f64);
    // The threshold that holds until the next event says otherwise: a collection's own holds after it.
    let mut threshold = None;
    for event in events {
        match event {
            Event::Sample(sample) => {
                let now = (sample.time_us.saturating_mul(1000), sample.tick as f64);
                place(&mut points[unplaced..], last, now);
                last = now;
                let next_major_bytes = sample.old_generation_limit_bytes;
                threshold = Some(next_major_bytes);
                points.push(HeapPoint {
                    time_ns: now.0,
                    tick: now.1,
                    heap: sample.heap,
                    next_major_bytes,
                });
                unplaced = points.len();
            }
            Event::Gc(gc) => {
                let start = gc.start_us.saturating_mul(1000);
                let end = start.saturating_add(gc.total_ns);
                let after = gc.old_generation_limit_bytes;
                let before = threshold.replace(after).unwrap_or(after);
                let tick = gc.tick.map_or(f64::NAN, |tick| tick as f64);
                for (time_ns, heap, next_major_bytes) in
                    [(start, gc.before, before), (end, gc.after, after)]
                {
                    points.push(HeapPoint {
                        time_ns,
                        tick,
                        heap,
                        next_major_bytes,
                    });
                }
            }
            Event::Snapshot(_) | Event::Note(_) => {}
        }
    }
    // After the last sample there is nothing to place by.
    for point in &mut points[unplaced..] {
        if point.tick.is_nan() {
            point.tick = last.1;
        }
    }
    points.sort_by_key(|point| point.time_ns);
    points
}

/// Gives each of `points` without a tick the one between two samples that its time suggests.
fn place(points: &mut [HeapPoint], from: (u64, f64), to: (u64, f64)) {
    for point in points.iter_mut().filter(|point| point.tick.is_nan()) {
        let part = if to.0 > from.0 {
            (point.time_ns.saturating_sub(from.0) as f64 / (to.0 - from.0) as f64).min(1.0)
        } else {
            1.0
        };
        point.tick = from.1 + (to.1 - from.1) * part;
    }
}

/// At most about four points per column of a chart: where a column holds more, its first, lowest, highest
/// and last by `height`, so that every peak stays.
///
/// `points` are ordered by `place`, which runs from `range.0` to `range.1`.
pub fn thin<T: Copy>(
    points: &[T],
    columns: usize,
    range: (f64, f64),
    place: impl Fn(&T) -> f64,
    height: impl Fn(&T) -> f64,
) -> Vec<T> {
    let columns = columns.max(1);
    if points.len() <= 2 * columns || range.1 <= range.0 {
        return points.to_vec();
    }
    let column_of =
        |point: &T| ((place(point) - range.0) / (range.1 - range.0) * columns as f64) as usize;
    let mut kept = Vec::with_capacity(4 * columns);
    for column in points.chunk_by(|a, b| column_of(a) == column_of(b)) {
        let last = column.len() - 1;
        let by_height = |&a: &usize, &b: &usize| height(&column[a]).total_cmp(&height(&column[b]));
        let lowest = (0..column.len()).min_by(by_height).unwrap_or(0);
        let highest = (0..column.len()).max_by(by_height).unwrap_or(0);
        let mut chosen = [0, lowest, highest, last];
        chosen.sort_unstable();
        let distinct = chosen
            .iter()
            .enumerate()
            .filter(|&(n, place)| n == 0 || chosen[n - 1] != *place);
        kept.extend(distinct.map(|(_, &place)| column[place]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{GcEvent, Sample};

    #[test]
    fn collections_fall_between_the_ticks_around_them() {
        let sample = |tick, time_us| {
            Event::Sample(Sample {
                tick,
                time_us,
                ..Sample::default()
            })
        };
        let gc = GcEvent {
            start_us: 15,
            total_ns: 5000,
            ..GcEvent::default()
        };
        let points = heap_points(&[sample(10, 10), Event::Gc(Box::new(gc)), sample(20, 20)]);
        let shown: Vec<(u64, f64)> = points
            .iter()
            .map(|point| (point.time_ns, point.tick))
            .collect();
        assert_eq!(
            shown,
            [
                (10_000, 10.0),
                (15_000, 15.0),
                (20_000, 20.0),
                (20_000, 20.0)
            ]
        );
    }

    #[test]
    fn thinning_keeps_peaks_and_ends() {
        let points: Vec<(f64, f64)> = (0..100_000)
            .map(|n| (f64::from(n), f64::from((n * 7919) % 1000)))
            .collect();
        let mut spiked = points.clone();
        spiked[54_321].1 = 5000.0;
        let kept = thin(
            &spiked,
            500,
            (0.0, 100_000.0),
            |point| point.0,
            |point| point.1,
        );
        assert!(kept.len() <= 2000, "{}", kept.len());
        assert!(kept.contains(&(54_321.0, 5000.0)));
        assert_eq!(
            (kept[0], *kept.last().unwrap()),
            (spiked[0], spiked[99_999])
        );
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(
            thin(
                &points[..10],
                500,
                (0.0, 9.0),
                |point| point.0,
                |point| point.1
            )
            .len(),
            10
        );
    }
}
