//! Pretenuring: objects of which nearly all are promoted are born old, and are never copied.
//!
//! ```text
//! scavenge ─► sample: all are born young ─► classes with a decision are born old ─► scavenge
//!   │            (1/128 of a semi-space)         (their bytes count as used room)      │
//!   └── how much of the sample lives, how much of the one before was promoted ◄────────┘
//! ```
//!
//! V8 asks the same of allocation sites, with a memento behind each object. Here the question is put to *classes*: the
//! shape of an object, the length of an array, both modulo 64, so that a decision is one bit and needs no table. What
//! was born first has had most time to die, so the sample is the beginning of the new objects; it lies in one piece
//! and is looked through after the scavenge, with headers that say who was copied. Nothing is counted where objects are
//! made or copied. As every scavenge takes a new sample, a decision that turns wrong costs at most one semi-space
//! of garbage in the old generation.
//!
//! What remembered slots refer to is asked, too: of the first of these objects, how many of those that a scavenge copied did
//! the next one promote? If nearly all, the rest is promoted at once by the following scavenge, and neither it nor its slot
//! is visited a second time. (Old objects seldom let go of what they hold; those that do, a short queue in an old buffer
//! for one, are seen to.)
//!
//! An object that is born old is filled without the barrier, like a young one: what it refers to is looked at once, and
//! while marking it is born grey. See [`crate::policy::pretenuring`] for the rule.

use crate::allocate::ARRAY;
use crate::cage::Addr;
use crate::heap::Core;
use crate::object::{Descriptor, FORWARDED, HEADER_BYTES, Kind};
use crate::policy::pretenuring::{CLASSES, Counts, Feedback, MIN_SAMPLED, slots_to_sample};
use crate::scavenger::object_bytes;
use crate::seeded::{self, Bug};
use crate::stress::BornOld;
use crate::value::Value;
use crate::young::Young;

/// A sample has one part in so many of a semi-space, but at least so many bytes: enough for some hundred objects.
///
/// With tiny pages that is a good part of it, so that the short programs of tests come to decisions, and samples to the end
/// of to-space.
const SAMPLE_SHARE: usize = if cfg!(heaplab_tiny) { 4 } else { 128 };
const MIN_SAMPLE: usize = if cfg!(heaplab_tiny) { 512 } else { 32 * 1024 };
/// Objects of a class that a short sample must hold.
const LEAST_OF_SHORT: u32 = 3;
/// Most objects of a sample that are looked at.
const MAX_SAMPLED: usize = 2000;

/// What is known of the classes, and the sample in progress.
#[derive(Default)]
pub(crate) struct Pretenuring {
    feedback: Feedback,
    /// Where the sample ends, as long as it is being taken and a decision waits for its end.
    sample_end: Option<Addr>,
    /// Objects of the last sample that were copied, with their classes.
    survivors: Vec<(Addr, usize)>,
    /// Those of them that were promoted at once.
    promoted_at_once: Counts,
    /// What the last scavenge copied because remembered slots refer to it.
    targets: Targets,
    /// Remembered slots to visit before what the others refer to is promoted at once; `None` if it is not.
    targets_to_sample: Option<usize>,
}

/// What a scavenge did with what remembered slots refer to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Targets {
    /// Those that were copied, in one piece of to-space.
    pub(crate) first: Addr,
    pub(crate) end: Addr,
    /// Bytes that were promoted meanwhile, if some were promoted at once.
    pub(crate) promoted: usize,
}

/// The class of objects of shape number `shape`, as a bit.
#[inline(always)]
pub(crate) const fn shape_class(shape: u32) -> u64 {
    1 << (shape % CLASSES as u32)
}

/// The class of arrays of `length`, as a bit.
#[inline(always)]
pub(crate) const fn array_class(length: usize) -> u64 {
    1 << (length % CLASSES)
}

/// The number of the class of the object at `at`, if its kind is ever born old.
fn class_of(at: Addr, descriptor: Descriptor) -> Option<usize> {
    const BY_SHAPE: u32 =
        1 << Kind::Object as u32 | 1 << Kind::Closure as u32 | 1 << Kind::Context as u32;
    if descriptor.is_one_of(BY_SHAPE) {
        Some(descriptor.shape() as usize % CLASSES)
    } else if descriptor == ARRAY {
        Some(at.add(HEADER_BYTES).load_u32() as usize % CLASSES)
    } else {
        None
    }
}

/// How samples are taken.
struct Sampling {
    bytes: usize,
    /// A sample that a collection cut shorter than this says too little.
    least_bytes: usize,
    /// Objects of a class that a sample must hold.
    least: u32,
    /// Whether the nursery must be as large as it gets.
    at_full_size: bool,
}

impl Sampling {
    fn of(young: &Young) -> Sampling {
        let bytes = (young.max_capacity / SAMPLE_SHARE).max(MIN_SAMPLE);
        if cfg!(heaplab_tiny) {
            return Sampling {
                at_full_size: true,
                ..Sampling::short(bytes)
            };
        }
        Sampling {
            bytes,
            least_bytes: bytes / 2,
            least: MIN_SAMPLED,
            at_full_size: true,
        }
    }

    /// Of a few objects, at any time: for stress.
    fn short(bytes: usize) -> Sampling {
        Sampling {
            bytes,
            least_bytes: 0,
            least: LEAST_OF_SHORT,
            at_full_size: false,
        }
    }
}

impl Pretenuring {
    /// Whether any class has a decision.
    pub(crate) fn is_active(&self) -> bool {
        self.feedback.decided() != 0
    }

    /// Remembered slots that a scavenge visits before it promotes at once what the others refer to; `None` if it does not.
    pub(crate) fn targets_to_sample(&self) -> Option<usize> {
        self.targets_to_sample
    }

    /// Bytes that the last scavenge promoted and that had not been copied before, about.
    pub(crate) fn promoted_at_once(&self) -> usize {
        self.targets.promoted
    }
}

impl Core {
    /// Room for an object of `class`, which has a decision: in the old generation. `None`: it is born young.
    #[inline]
    pub(crate) fn allocate_born_old(&mut self, bytes: usize) -> Option<Addr> {
        if self.every_allocation_asks {
            self.stress_collect();
        } else if !self.young.has_room(bytes) {
            return None;
        }
        let at = self.allocate_old(bytes)?;
        self.young.give_up(bytes);
        if self.marking {
            self.born_old(self.cage.value(at));
        }
        Some(at)
    }

    /// Records which of the first `slots` slots of a new object refer to young ones, if it is an old one.
    #[inline(always)]
    pub(crate) fn record_if_old(&mut self, at: Addr, first: Addr, slots: usize) {
        if self.young.contains(at)
            || seeded::active(Bug::BornOldSlotNotRecorded)
            || (seeded::active(Bug::SampledSlotNotRecorded) && self.pretenuring.is_active())
        {
            return;
        }
        for i in 0..slots {
            let slot = first.add(4 * i);
            if self.is_young(slot.value()) {
                self.record_new(slot);
            }
        }
    }

    /// Where allocation must ask because a sample ends there.
    pub(crate) fn end_of_sample(&self) -> Option<Addr> {
        self.pretenuring.sample_end
    }

    /// Ends the sample if `bytes` more would not be part of it.
    pub(crate) fn end_sample_before(&mut self, bytes: usize) {
        if let Some(end) = self.pretenuring.sample_end
            && self.young.top.add(bytes) > end
        {
            self.pretenuring.sample_end = None;
            self.young.born_old = self.pretenuring.feedback.decided();
        }
    }

    /// After a scavenge, while from-space still tells who survived: judges the last sample and the new one, which begins
    /// at `first`, and begins another.
    pub(crate) fn judge_samples(&mut self, first: Addr, from_end: Addr, targets: Targets) {
        self.young.born_old = 0;
        self.pretenuring.sample_end = None;
        let last_targets = std::mem::replace(&mut self.pretenuring.targets, targets);
        self.pretenuring.targets_to_sample = None;
        let sampling = match &mut self.stress {
            Some(schedule) if self.options.pretenuring => match schedule.next_born_old() {
                BornOld::Classes(classes) => {
                    self.young.born_old = classes;
                    // Every other time, from the first, the second, ... slot on.
                    let slots = (classes >> 1) as usize % 4;
                    self.pretenuring.targets_to_sample = (classes & 1 == 1).then_some(slots);
                    return;
                }
                BornOld::Sampled(bytes) => Sampling::short(bytes),
            },
            _ => Sampling::of(&self.young),
        };
        let mut pretenuring = std::mem::take(&mut self.pretenuring);
        let bytes = sampling.bytes;
        if !self.options.pretenuring
            || (sampling.at_full_size && self.young.capacity < self.young.max_capacity)
            || self
                .controller
                .scavenge_might_not_succeed(self.old_used(), self.young.capacity)
        {
            pretenuring.feedback = Feedback::default();
            pretenuring.survivors.clear();
            pretenuring.promoted_at_once = Counts::default();
        } else {
            let (kept, of) = self.count_promoted_targets(last_targets, bytes);
            pretenuring.targets_to_sample = slots_to_sample(kept, of, sampling.least);
            let mut promoted = std::mem::take(&mut pretenuring.promoted_at_once);
            for (at, class) in pretenuring.survivors.drain(..) {
                promoted.add(class, at.load_u32() == FORWARDED);
            }
            let mut sampled = Counts::default();
            let mut at = first;
            let sample_end = first.add(bytes).min(from_end);
            let mut left = if sample_end.0 - first.0 >= sampling.least_bytes {
                MAX_SAMPLED
            } else {
                0
            };
            while at < sample_end && left > 0 {
                left -= 1;
                let place = self.forwarded_place(at);
                let copied = place.is_some();
                let place = place.unwrap_or(at);
                let descriptor = Descriptor(place.load_u32());
                if let Some(class) = class_of(place, descriptor) {
                    sampled.add(class, copied);
                    if copied && self.young.contains(place) {
                        pretenuring.survivors.push((place, class));
                    } else if copied {
                        pretenuring.promoted_at_once.add(class, true);
                    }
                }
                at = at.add(object_bytes(place, descriptor));
            }
            pretenuring
                .feedback
                .judge(&promoted, &sampled, sampling.least);
            if pretenuring.is_active() {
                pretenuring.sample_end = Some(self.young.top.add(bytes));
            }
        }
        self.pretenuring = pretenuring;
    }

    /// Of what the last scavenge copied for remembered slots, as far as the first `bytes` hold it: how many objects this
    /// one promoted, and how many there were. From-space still tells.
    fn count_promoted_targets(&self, targets: Targets, bytes: usize) -> (u32, u32) {
        let (mut kept, mut of) = (0, 0);
        let end = targets.end.min(targets.first.add(bytes));
        let mut at = targets.first;
        while at < end && of < MAX_SAMPLED as u32 {
            let place = self.forwarded_place(at);
            kept += u32::from(place.is_some());
            of += 1;
            let place = place.unwrap_or(at);
            at = at.add(object_bytes(place, Descriptor(place.load_u32())));
        }
        (kept, of)
    }

    /// Where the object is that was at `at` in from-space; `None` if it died.
    fn forwarded_place(&self, at: Addr) -> Option<Addr> {
        let header = at.load_u64();
        (header as u32 == FORWARDED).then(|| self.cage.addr(Value((header >> 32) as u32)))
    }
}

#[cfg(test)]
mod tests {
    use super::array_class;
    use crate::heap::Core;
    use crate::{Global, Heap, HeapOptions, Stress};
    use std::num::NonZeroU32;

    const ROUNDS: usize = 4000;

    /// A heap under stress that takes samples, and a list of `ROUNDS` places in it.
    fn list_under_stress() -> (Heap, Global) {
        let every = NonZeroU32::new(64).expect("not zero");
        let options = HeapOptions::with_limits(16 << 20, 1 << 20);
        let options = options.with_stress(Stress::every(every).with_samples());
        let mut heap = Heap::new(options).expect("heap");
        let list = heap.enter(|s| {
            let list = s.array(ROUNDS).expect("room");
            s.global(list)
        });
        (heap, list)
    }

    /// After how many of `ROUNDS` new arrays, each put into the list at the place that `place` gives it, `decided` holds.
    fn count_rounds(
        (heap, list): &mut (Heap, Global),
        place: impl Fn(usize) -> usize,
        decided: impl Fn(&Core) -> bool,
    ) -> usize {
        let rounds = (0..ROUNDS).filter(|&round| {
            heap.enter(|s| {
                let array = s.array(3).expect("room");
                let list = s.local(list);
                s.set(list, place(round), array);
            });
            decided(&heap.core)
        });
        rounds.count()
    }

    /// Under stress, too, classes have decisions because of what lived, and lose them when it dies.
    #[test]
    fn samples_decide_under_stress() {
        let mut list = list_under_stress();
        let decided = |core: &Core| {
            let born_old = core.young.born_old;
            assert_eq!(born_old & !array_class(3), 0, "none of these lived");
            born_old != 0
        };
        let living = count_rounds(&mut list, |round| round, decided);
        let dying = count_rounds(&mut list, |_| 0, decided);
        assert!(living > 1000, "{living} of {ROUNDS} rounds");
        assert!(dying < living / 8, "{dying} rounds although they die");
        list.0.verify().expect("sound");
    }

    /// What the slots of an old list refer to is promoted at once as long as it stays there.
    #[test]
    fn targets_are_promoted_at_once_while_they_live() {
        let mut list = list_under_stress();
        let decided = |core: &Core| core.pretenuring.targets_to_sample().is_some();
        let living = count_rounds(&mut list, |round| round, decided);
        let dying = count_rounds(&mut list, |round| round % 8, decided);
        assert!(living > 1000, "{living} of {ROUNDS} rounds");
        assert!(dying < living / 8, "{dying} rounds although they die");
        list.0.verify().expect("sound");
    }

    #[test]
    fn a_sample_never_reaches_beyond_to_space() {
        let mut heap = Heap::new(HeapOptions::with_limits(16 << 20, 1 << 20)).expect("heap");
        let core = &mut heap.core;
        let end = core.young.to_end();
        core.pretenuring.sample_end = Some(end.add(4096));
        core.arm_limit();
        assert!(
            core.young.limit <= end,
            "survivors left less room than it wants"
        );
    }
}
