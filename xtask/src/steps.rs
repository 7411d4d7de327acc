//! Runs named steps one after the other, prints each one's time, and sums up at the end.

use std::time::{Duration, Instant};

use crate::Outcome;

/// What became of one step.
#[derive(Debug)]
enum Ending {
    Passed,
    Failed(String),
    Skipped(String),
}

/// One step that was run or skipped.
#[derive(Debug)]
struct Step {
    name: String,
    time: Duration,
    ending: Ending,
}

/// A list of steps in the making.
#[derive(Debug)]
pub(crate) struct Steps {
    title: &'static str,
    started: Instant,
    steps: Vec<Step>,
}

impl Steps {
    /// An empty list; `title` heads the summary.
    pub(crate) fn new(title: &'static str) -> Self {
        Steps {
            title,
            started: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// Runs a step. Returns whether it passed; a failure is kept for the summary, and the next step may still run.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<(), String>) -> bool {
        println!("\n== {name}");
        let started = Instant::now();
        let ending = match work() {
            Ok(()) => Ending::Passed,
            Err(reason) => {
                println!("{reason}");
                Ending::Failed(reason)
            }
        };
        let time = started.elapsed();
        let passed = matches!(ending, Ending::Passed);
        println!(
            "== {name}: {} in {}",
            if passed { "passed" } else { "FAILED" },
            seconds(time)
        );
        self.steps.push(Step {
            name: name.to_owned(),
            time,
            ending,
        });
        passed
    }

    /// Notes that a step was left out, and why.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        println!("\n== {name}: skipped ({reason})");
        self.steps.push(Step {
            name: name.to_owned(),
            time: Duration::ZERO,
            ending: Ending::Skipped(reason.to_owned()),
        });
    }

    /// Prints the summary; its last line lists what was skipped.
    pub(crate) fn finish(self) -> Outcome {
        println!("\n== {}: summary", self.title);
        for step in &self.steps {
            let (word, reason) = match &step.ending {
                Ending::Passed => ("passed", ""),
                Ending::Failed(reason) => ("FAILED", reason.as_str()),
                Ending::Skipped(reason) => ("skipped", reason.as_str()),
            };
            println!(
                "{word:<8} {:>9}  {}{}{}",
                seconds(step.time),
                step.name,
                if reason.is_empty() { "" } else { ": " },
                reason
            );
        }
        println!("{:<8} {:>9}", "total", seconds(self.started.elapsed()));
        let failed = self
            .steps
            .iter()
            .filter(|step| matches!(step.ending, Ending::Failed(_)))
            .count();
        println!(
            "{}",
            if failed == 0 {
                "all passed".to_owned()
            } else {
                format!("{failed} of {} steps FAILED", self.steps.len())
            }
        );
        let skipped: Vec<&str> = self
            .steps
            .iter()
            .filter(|step| matches!(step.ending, Ending::Skipped(_)))
            .map(|step| step.name.as_str())
            .collect();
        println!(
            "skipped: {}",
            if skipped.is_empty() {
                "nothing".to_owned()
            } else {
                skipped.join(", ")
            }
        );
        if failed == 0 {
            Outcome::Done
        } else {
            Outcome::Failed
        }
    }
}

/// A duration as text, such as `12.3 s`.
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_fails_the_whole_and_later_steps_still_run() {
        let mut steps = Steps::new("trial");
        let mut order = Vec::new();
        assert!(!steps.run("first", || {
            order.push(1);
            Err("broken".to_owned())
        }));
        assert!(steps.run("second", || {
            order.push(2);
            Ok(())
        }));
        assert_eq!(order, [1, 2]);
        assert_eq!(steps.finish(), Outcome::Failed);
    }

    #[test]
    fn skipping_is_no_failure() {
        let mut steps = Steps::new("trial");
        steps.skip("browser", "asked to");
        assert!(steps.run("rest", || Ok(())));
        assert_eq!(steps.finish(), Outcome::Done);
    }
}
