//! Flags of the heap: V8's names, units and meanings.

use std::collections::BTreeMap;

use heaplab_gc::{HeapOptions, OptionsError, Policy};

use super::value::{Clock, CompactionChoice, PolicyChoice};

/// The heap that a workload runs on.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Heap")]
pub(crate) struct HeapArgs {
    /// Most MB of the old generation
    #[arg(long, value_name = "MB", default_value_t = 64)]
    max_old_space_size: u64,
    /// Most MB of one half of the young generation
    #[arg(long, value_name = "MB", default_value_t = 4)]
    max_semi_space_size: u64,
    /// MB of one half of it at the start [default: 1]
    #[arg(long, value_name = "MB", alias = "initial-semi-space-size")]
    min_semi_space_size: Option<u64>,
    /// MB of old generation that start the first major collection
    #[arg(long, value_name = "MB")]
    initial_old_space_size: Option<u64>,
    /// Most KB of both halves of the young generation, as Node 0.10 had it
    #[arg(
        long,
        value_name = "KB",
        conflicts_with = "max_semi_space_size",
        hide_short_help = true
    )]
    max_new_space_size: Option<u64>,
    /// Most MB that objects own outside the heap
    ///
    /// Node has no such limit: memory of Buffers grows until the container is full.
    #[arg(long, value_name = "MB", default_value_t = 64)]
    max_external_memory: u64,
    /// The collectors; --help lists them
    ///
    /// generational, mark-sweep, mark-compact or none; with `compare` also all: one run for each.
    #[arg(
        long,
        value_name = "POLICY",
        default_value = "generational",
        hide_possible_values = true
    )]
    pub(crate) policy: PolicyChoice,
    /// Mark the old generation in one pause, not in steps
    #[arg(long)]
    no_incremental_marking: bool,
    /// Move old objects: auto, always, never [default: the policy's]
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    compaction: Option<CompactionChoice>,
    /// What time is: real, or virtual
    ///
    /// Virtual time is a fixed cost per tick and per byte: the same seed gives the same record,
    /// byte for byte, on every machine.
    #[arg(
        long,
        value_name = "CLOCK",
        default_value = "real",
        hide_possible_values = true,
        verbatim_doc_comment
    )]
    pub(crate) clock: Clock,
}

impl HeapArgs {
    /// The options of the heap with this policy.
    ///
    /// # Errors
    /// A limit that no heap can have.
    pub(crate) fn options(&self, policy: Policy) -> Result<HeapOptions, OptionsError> {
        let mut options = HeapOptions::default().with_policy(policy);
        options.incremental_marking &= !self.no_incremental_marking;
        if let Some(choice) = self.compaction {
            options.compaction = choice.into();
        }
        let flags = [
            ("max-old-space-size", Some(self.max_old_space_size)),
            ("max-semi-space-size", Some(self.max_semi_space_size)),
            ("max-new-space-size", self.max_new_space_size),
            ("min-semi-space-size", self.min_semi_space_size),
            ("initial-old-space-size", self.initial_old_space_size),
            ("max-external-memory", Some(self.max_external_memory)),
        ];
        for (flag, value) in flags {
            if let Some(value) = value {
                options.set_flag(flag, &value.to_string())?;
            }
        }
        options.validate()?;
        Ok(options)
    }

    /// What differs from the default collectors, for the record.
    pub(crate) fn recorded_options(&self, policy: Policy) -> BTreeMap<String, String> {
        let mut options = BTreeMap::new();
        if policy != Policy::default() || self.policy == PolicyChoice::All {
            options.insert("policy".to_owned(), policy.as_str().to_owned());
        }
        if self.no_incremental_marking {
            options.insert("incremental_marking".to_owned(), "false".to_owned());
        }
        if let Some(choice) = self.compaction {
            let compaction = heaplab_gc::Compaction::from(choice);
            options.insert("compaction".to_owned(), compaction.as_str().to_owned());
        }
        options
    }
}
