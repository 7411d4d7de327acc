//! Precision and recall of many verdicts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Judged, Verdict};

/// How often each verdict was given.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Score {
    found: u32,
    wrong_first: u32,
    missed: u32,
    false_alarms: u32,
    silent: u32,
}

impl Score {
    fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Found => &mut self.found,
            Verdict::WrongFirst => &mut self.wrong_first,
            Verdict::Missed => &mut self.missed,
            Verdict::FalseAlarm => &mut self.false_alarms,
            Verdict::Silent => &mut self.silent,
        } += 1;
    }

    /// The score of these.
    pub(crate) fn of(judged: &[Judged]) -> Score {
        let mut score = Score::default();
        for one in judged {
            score.add(one.verdict);
        }
        score
    }

    /// Whether every leak was found first and nothing was reported of healthy programs.
    pub(crate) fn is_perfect(self) -> bool {
        self.wrong_first + self.missed + self.false_alarms == 0
    }

    fn leaks(self) -> u32 {
        self.found + self.wrong_first + self.missed
    }

    /// Found of all that leak.
    fn recall(self) -> f64 {
        share(self.found, self.leaks())
    }

    /// Found of all of which something was reported.
    fn precision(self) -> f64 {
        share(
            self.found,
            self.found + self.wrong_first + self.false_alarms,
        )
    }
}

fn share(part: u32, all: u32) -> f64 {
    f64::from(part) / f64::from(all.max(1))
}

/// A table in Markdown: a row for each Node and set, and below it what was judged wrongly.
pub(crate) fn table(judged: &[Judged]) -> String {
    let mut rows: BTreeMap<(&str, u32), Score> = BTreeMap::new();
    let mut wrong: BTreeMap<(u32, &str, &'static str), Vec<String>> = BTreeMap::new();
    for one in judged {
        rows.entry((&one.node, one.set))
            .or_default()
            .add(one.verdict);
        let word = match one.verdict {
            Verdict::WrongFirst => "wrong first",
            Verdict::Missed => "missed",
            Verdict::FalseAlarm => "false alarm",
            Verdict::Found | Verdict::Silent => continue,
        };
        let place = format!("{} seed {}", one.node, one.seed);
        let places = wrong.entry((one.set, &one.program, word)).or_default();
        places.push(place);
    }
    let mut text = "| Node | set | leaks | found | wrong first | missed | recall | healthy | false alarms | precision |\n\
                    |---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for ((node, set), score) in rows {
        let _ = writeln!(
            text,
            "| {node} | {set} | {} | {} | {} | {} | {:.3} | {} | {} | {:.3} |",
            score.leaks(),
            score.found,
            score.wrong_first,
            score.missed,
            score.recall(),
            score.false_alarms + score.silent,
            score.false_alarms,
            score.precision()
        );
    }
    for ((set, program, word), places) in wrong {
        let _ = writeln!(text, "set {set}, {program}: {word}, {}", places.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(program: &str, verdict: Verdict) -> Judged {
        Judged {
            node: "v20".to_owned(),
            seed: 1,
            set: 1,
            program: program.to_owned(),
            verdict,
            reported: 0,
            cannot_tell: 0,
            first: None,
        }
    }

    #[test]
    fn precision_and_recall_are_counted_over_programs() {
        let all = [
            judged("a", Verdict::Found),
            judged("b", Verdict::Found),
            judged("c", Verdict::WrongFirst),
            judged("d", Verdict::Missed),
            judged("e", Verdict::FalseAlarm),
            judged("f", Verdict::Silent),
        ];
        let score = Score::of(&all);
        assert_eq!((score.recall(), score.precision()), (0.5, 0.5));
        assert!(!score.is_perfect());
        assert!(Score::of(&all[..2]).is_perfect());
        let text = table(&all);
        assert!(
            text.contains("| v20 | 1 | 4 | 2 | 1 | 1 | 0.500 | 2 | 1 | 0.500 |"),
            "{text}"
        );
        assert!(text.contains("set 1, d: missed, v20 seed 1"), "{text}");
    }
}
