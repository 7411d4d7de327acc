//! Which classes of objects are born old: those of which nearly all are promoted.
//!
//! Ratio and least number are V8's; there they are asked of allocation sites. What differs: a decision is judged again
//! after every scavenge, by objects of the class that were born young for that purpose, and is dropped at once when they die.
//! (V8 drops decisions when a major collection finds less than a tenth of the old generation alive.)
//!
//! The same ratio decides whether a scavenge promotes at once what remembered slots refer to: see [`slots_to_sample`].

/// How many classes are told apart.
pub const CLASSES: usize = 64;
/// Share of a class that must be promoted (V8's `kPretenureRatio`).
pub const RATIO: f64 = 0.85;
/// Objects of a class that a sample must hold for a decision (V8's `kPretenureMinimumCreated`).
pub const MIN_SAMPLED: u32 = 100;

/// Whether so many of `of` objects are enough, of which there must be at least `least`.
fn enough(kept: u32, of: u32, least: u32) -> bool {
    of >= least && f64::from(kept) >= RATIO * f64::from(of)
}

/// Remembered slots that a scavenge visits before it promotes at once what the others refer to, when the one before copied
/// `of` objects for such slots and this one promoted `kept` of them; `None` if it promotes nothing at once.
///
/// What the first slots refer to is copied as ever, and is what the next scavenge judges by: they are twice as many as it
/// needs (`least`: [`MIN_SAMPLED`] on any real heap), because several slots may refer to one object or to an old one.
pub fn slots_to_sample(kept: u32, of: u32, least: u32) -> Option<usize> {
    enough(kept, of, least).then_some(2 * least as usize)
}

/// Objects of each class, and how many of them fared well.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    objects: [u32; CLASSES],
    kept: [u32; CLASSES],
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            objects: [0; CLASSES],
            kept: [0; CLASSES],
        }
    }
}

impl Counts {
    /// Counts an object of a class, which was kept or not.
    pub fn add(&mut self, class: usize, kept: bool) {
        self.objects[class] += 1;
        self.kept[class] += u32::from(kept);
    }

    fn is_empty(&self) -> bool {
        self.objects.iter().all(|&count| count == 0)
    }
}

/// The decisions, and what the next ones need. Classes are bits.
#[derive(Clone, Copy, Debug)]
pub struct Feedback {
    decided: u64,
    /// Those of which enough were promoted when that was last seen.
    promoted: u64,
    /// Objects of each class in the sample whose promotions have not been seen yet.
    sampled: [u32; CLASSES],
}

impl Default for Feedback {
    fn default() -> Self {
        Self {
            decided: 0,
            promoted: 0,
            sampled: [0; CLASSES],
        }
    }
}

impl Feedback {
    /// The classes whose objects are born old.
    pub fn decided(&self) -> u64 {
        self.decided
    }

    /// After a scavenge: `promoted` tells which of the last sample's survivors survived again, `sampled` which objects
    /// of a new sample survived.
    ///
    /// A class is decided for when [`RATIO`] of a sample was promoted and as many of the next survive, and stays so as long
    /// as every sample says the same. Where survivors fill the nursery there may be no new sample: nothing is decided then.
    /// A sample must hold at least `least` objects of a class: [`MIN_SAMPLED`] on any real heap.
    pub fn judge(&mut self, promoted: &Counts, sampled: &Counts, least: u32) {
        let enough = |kept, of| enough(kept, of, least);
        if self.sampled.iter().any(|&count| count > 0) {
            self.promoted = classes(|class| enough(promoted.kept[class], self.sampled[class]));
            self.sampled = [0; CLASSES];
        }
        if sampled.is_empty() {
            self.decided &= self.promoted;
        } else {
            let survive = classes(|class| enough(sampled.kept[class], sampled.objects[class]));
            self.decided = self.promoted & survive;
            self.sampled = sampled.objects;
        }
    }
}

fn classes(holds: impl Fn(usize) -> bool) -> u64 {
    (0..CLASSES).fold(0, |bits, class| bits | u64::from(holds(class)) << class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(feedback: &mut Feedback, promoted: &Counts, sampled: &Counts) {
        feedback.judge(promoted, sampled, MIN_SAMPLED);
    }

    fn counts(class: usize, objects: u32, kept: u32) -> Counts {
        let mut counts = Counts::default();
        for n in 0..objects {
            counts.add(class, n < kept);
        }
        counts
    }

    #[test]
    fn a_class_is_born_old_when_a_sample_was_promoted_and_the_next_one_lives() {
        let mut feedback = Feedback::default();
        judge(&mut feedback, &Counts::default(), &counts(5, 200, 190));
        assert_eq!(feedback.decided(), 0, "not promoted yet");
        judge(&mut feedback, &counts(5, 190, 170), &counts(5, 200, 170));
        assert_eq!(feedback.decided(), 1 << 5);
    }

    #[test]
    fn few_objects_and_few_survivors_decide_nothing() {
        for (objects, kept, promoted) in [(99, 99, 99), (200, 169, 200), (200, 200, 169)] {
            let mut feedback = Feedback::default();
            for _ in 0..4 {
                judge(
                    &mut feedback,
                    &counts(63, objects, promoted),
                    &counts(63, objects, kept),
                );
            }
            assert_eq!(feedback.decided(), 0, "{objects} {kept} {promoted}");
        }
    }

    /// A program whose old objects keep what they are given, let go of it, and keep it again: in each scavenge the
    /// slots of the sample tell of so many objects, of which the next scavenge promotes the share that stays.
    #[test]
    fn targets_are_promoted_at_once_one_scavenge_after_they_began_to_stay() {
        let shares = [1.0, 1.0, 0.9, 0.5, 0.5, 0.84, 0.86, 1.0];
        let (mut at_once, mut decisions) = (None, Vec::new());
        for share in shares {
            // All slots without a decision, half of the sampled ones with one.
            let copied = at_once.map_or(5000, |slots| slots as u32 / 2);
            at_once = slots_to_sample((share * f64::from(copied)) as u32, copied, MIN_SAMPLED);
            decisions.push(at_once.is_some());
        }
        assert_eq!(
            decisions,
            [true, true, true, false, false, false, true, true]
        );
        assert_eq!(slots_to_sample(99, 99, MIN_SAMPLED), None, "too few");
    }

    #[test]
    fn a_decision_lasts_as_long_as_every_sample_agrees() {
        let decided = || {
            let mut feedback = Feedback::default();
            for _ in 0..3 {
                judge(&mut feedback, &counts(0, 100, 100), &counts(0, 100, 100));
            }
            assert_eq!(feedback.decided(), 1);
            feedback
        };
        let mut dying = decided();
        judge(&mut dying, &counts(0, 100, 100), &counts(0, 100, 84));
        assert_eq!(dying.decided(), 0, "at once, not a scavenge later");
        let mut dying_later = decided();
        judge(&mut dying_later, &counts(0, 100, 84), &counts(0, 100, 100));
        assert_eq!(dying_later.decided(), 0);
        let mut gone = decided();
        judge(&mut gone, &counts(0, 100, 100), &counts(1, 100, 100));
        assert_eq!(gone.decided(), 0, "none of it in the sample");
    }

    #[test]
    fn a_scavenge_without_a_sample_loses_nothing() {
        let (all, none) = (counts(7, 100, 100), Counts::default());
        let mut feedback = Feedback::default();
        judge(&mut feedback, &none, &all);
        judge(&mut feedback, &all, &none);
        assert_eq!(feedback.decided(), 0);
        judge(&mut feedback, &none, &all);
        assert_eq!(feedback.decided(), 1 << 7, "promoted before, alive now");
        judge(&mut feedback, &all, &none);
        judge(&mut feedback, &none, &none);
        assert_eq!(feedback.decided(), 1 << 7);
        judge(&mut feedback, &none, &all);
        judge(&mut feedback, &none, &none);
        assert_eq!(feedback.decided(), 0, "none of that sample was promoted");
    }
}
