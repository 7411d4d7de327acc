//! One variant of a workload, the leak or a cure, run from its heap to its closed record.

use std::path::Path;

use chrono::{Local, SecondsFormat};
use heaplab_gc::{Heap, Policy, RealClock, SystemMemory, VirtualClock};
use heaplab_reports::gc_log::GcLogPrefix;
use heaplab_reports::record::{self, Outcome, RecordWriter, RunInfo};
use heaplab_workloads::driver::{self, Length};
use heaplab_workloads::{Cure, Description, Parameters};

use crate::args::{Clock, Format, PolicyChoice, VariantArgs};
use crate::convert;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::{Figures, Progress};
use crate::recorder::{Recorder, SharedRecorder, Trace};
use crate::signals::Signals;
use crate::smallest::smallest_heap;
use crate::snapshots::SnapshotNames;

/// A workload's leak, or one of its cures.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    /// The workload.
    pub(crate) workload: &'static Description,
    /// What is done against its leak.
    pub(crate) cure: Option<&'static Cure>,
    /// Its parameters.
    pub(crate) parameters: Parameters,
    /// The collectors that it runs with.
    pub(crate) policy: Policy,
}

impl Variant {
    /// `cache` or `cache-lru`.
    pub(crate) fn name(&self) -> String {
        match self.cure {
            None => self.workload.name.to_owned(),
            Some(cure) => format!("{}-{}", self.workload.name, cure.name),
        }
    }

    /// Runs it into `folder`, as `args` say, and returns what `run.json` says.
    ///
    /// # Errors
    /// The heap cannot be made, or the folder cannot be written; then the record says that it failed, as far
    /// as that can still be written.
    pub(crate) fn run(
        &self,
        args: &VariantArgs,
        folder: &Path,
        signals: &Signals,
        output: Output,
    ) -> Result<RunInfo, Failure> {
        let is_virtual = args.heap.clock == Clock::Virtual;
        let options = args.run_options(self.workload.ticks, self.workload.warm_up);
        // The search runs on the virtual clock, on which a length in real time would be another one.
        let comparable = is_virtual || matches!(options.length, Length::Ticks(_));
        let smallest_heap = match args.heap.policy {
            PolicyChoice::All if comparable => smallest_heap(self, args, signals, output)?,
            _ => None,
        };
        let clock: Box<dyn heaplab_gc::Clock> = match args.heap.clock {
            Clock::Real => Box::new(RealClock::new()),
            Clock::Virtual => Box::new(VirtualClock::new()),
        };
        // In a box, so that it has an address by which its lines in a log can be told from another's.
        let mut heap = Box::new(Heap::with_clock(args.heap.options(self.policy)?, clock)?);
        let prefix = if is_virtual {
            GcLogPrefix::VIRTUAL
        } else {
            GcLogPrefix {
                pid: std::process::id(),
                address: std::ptr::from_ref::<Heap>(&heap).addr() as u64,
            }
        };
        let info = RunInfo {
            smallest_heap,
            ..self.info(args, &heap, options.length)
        };
        let record = RecordWriter::create(folder, info, prefix)?;
        let mut recorder = SharedRecorder::new(Recorder {
            record,
            prefix,
            names: SnapshotNames::new(is_virtual),
            length: options.length,
            trace: match (args.output.trace_gc, args.output.format) {
                (false, _) => Trace::Off,
                (true, Format::Text) => Trace::Data(output.data()),
                (true, Format::Json) => Trace::Talk,
            },
            progress: Progress::new(output, self.name()),
            figures: Figures {
                limit_bytes: heap.limits().max_old_generation_size as u64,
                ..Figures::default()
            },
            signals: signals.clone(),
            output,
            failure: None,
        });
        let mut workload = self.workload.build(&self.parameters, self.cure);
        let summary = driver::run(&mut heap, &mut *workload, &options, &mut recorder);
        let Some(Recorder {
            mut record,
            failure,
            ..
        }) = recorder.into_inner()
        else {
            unreachable!("the driver has dropped its near-limit observer")
        };
        let info = record.info_mut();
        info.counters = summary.counters.iter().map(convert::counter).collect();
        info.statistics = Some(convert::statistics(&heap, is_virtual));
        let mut end = convert::end(&summary);
        match failure {
            None => Ok(record.finish(end)?),
            Some(failure) => {
                end.outcome = Outcome::Failed {
                    message: failure.to_string(),
                };
                // The failure itself may be that nothing can be written any more.
                let _ = record.finish(end);
                Err(failure)
            }
        }
    }

    /// What `run.json` says before the run starts.
    fn info(&self, args: &VariantArgs, heap: &Heap, length: Length) -> RunInfo {
        let known = convert::run_info(self.workload, self.cure, &self.parameters, heap.limits());
        let is_virtual = args.heap.clock == Clock::Virtual;
        RunInfo {
            seed: args.seed,
            options: args.heap.recorded_options(self.policy),
            clock: match args.heap.clock {
                Clock::Real => record::Clock::Real,
                Clock::Virtual => record::Clock::Virtual,
            },
            started_at: (!is_virtual)
                .then(|| Local::now().to_rfc3339_opts(SecondsFormat::Secs, false)),
            planned_ticks: match length {
                Length::Ticks(ticks) => Some(ticks),
                Length::Time(_) => None,
            },
            ..known
        }
    }
}

/// The exit code of a run that ended like this.
pub(crate) fn exit(info: &RunInfo, fail_at_limit: bool) -> Exit {
    match info.end.outcome {
        Outcome::Interrupted => Exit::Interrupted,
        Outcome::HeapLimit { .. } if fail_at_limit || info.cure.is_some() => Exit::Limit,
        Outcome::Failed { .. } => Exit::Found,
        Outcome::HeapLimit { .. } | Outcome::Completed | Outcome::Running => Exit::Done,
    }
}

/// A warning if the machine or the container has less memory than a heap with these limits may take.
pub(crate) fn memory_warning(memory: &SystemMemory, heap_size_limit: usize) -> Option<String> {
    let (limit, usable) = (heap_size_limit as u64, memory.usable());
    if usable == 0 || usable >= limit {
        return None;
    }
    let holder = match memory.constrained {
        Some(constrained) if constrained == usable => "this container (memory.max)",
        _ => "this machine",
    };
    let mb = |bytes: u64| bytes >> 20;
    Some(format!(
        "the heap may grow to {} MB, but {holder} has {} MB: the system may kill the run before its limit; lower --max-old-space-size",
        mb(limit),
        mb(usable)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_memory_is_warned_of_with_who_has_it() {
        let mut memory = SystemMemory {
            total: 8 << 30,
            free: 0,
            constrained: Some(512 << 20),
        };
        let warn = |memory: &SystemMemory, mb: usize| memory_warning(memory, mb << 20);
        assert_eq!(warn(&memory, 512), None);
        let warning = warn(&memory, 513).unwrap();
        assert!(
            warning.contains("513 MB") && warning.contains("container (memory.max) has 512 MB")
        );
        memory.constrained = None;
        assert_eq!(warn(&memory, 8 << 10), None);
        assert!(
            warn(&memory, 9 << 10)
                .unwrap()
                .contains("this machine has 8192 MB")
        );
        // A system that does not say is not warned of.
        assert_eq!(warn(&SystemMemory::default(), 1 << 20), None);
    }

    #[test]
    fn exits_follow_the_outcome() {
        let limit = Outcome::HeapLimit {
            which: "max old space size".into(),
            limit_bytes: 1,
            live_bytes: 1,
            requested_bytes: 1,
            collections_tried: 1,
        };
        let workload = &heaplab_workloads::registry::WORKLOADS[0];
        let exit_of = |outcome: &Outcome, cure: Option<&Cure>, fail: bool| {
            let parameters = Parameters::defaults(workload, cure);
            let limits = heaplab_gc::HeapOptions::default().validate().unwrap();
            let mut info = convert::run_info(workload, cure, &parameters, &limits);
            info.end.outcome = outcome.clone();
            exit(&info, fail)
        };
        let cure = workload.cures.first();
        assert_eq!(exit_of(&limit, None, false), Exit::Done);
        assert_eq!(exit_of(&limit, None, true), Exit::Limit);
        assert_eq!(exit_of(&limit, cure, false), Exit::Limit);
        assert_eq!(exit_of(&Outcome::Completed, cure, true), Exit::Done);
        assert_eq!(
            exit_of(&Outcome::Interrupted, None, true),
            Exit::Interrupted
        );
    }
}
