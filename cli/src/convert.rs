//! From the types of the heap and of the driver to those of the run's record.

use heaplab_gc as gc;
use heaplab_reports::record;
use heaplab_workloads as workloads;
use heaplab_workloads::driver;
use serde_json::{Map, Value, json};

/// A collection as the record has it; `tick` is the one in which it happened.
pub(crate) fn collection(event: &gc::GcEvent, tick: u64) -> record::GcEvent {
    record::GcEvent {
        sequence: event.sequence,
        kind: match event.kind {
            gc::CollectionKind::Minor => record::GcKind::Minor,
            gc::CollectionKind::Major => record::GcKind::Major,
        },
        incremental: event.incremental,
        compacted: event.compacted,
        reduce_memory: event.reduce_memory,
        reason: event.reason.as_str().to_owned(),
        collector_reason: event.collector_reason.as_str().to_owned(),
        start_us: event.start_us,
        tick: Some(tick),
        total_ns: event.total_ns,
        phases: event
            .phases
            .iter()
            .map(|(phase, ns)| record::Phase {
                name: phase.as_str().to_owned(),
                ns,
            })
            .collect(),
        before: sizes(&event.before),
        after: sizes(&event.after),
        semi_space_capacity_bytes: event.semi_space_capacity,
        old_generation_limit_bytes: event.old_generation_limit,
        max_old_generation_bytes: event.max_old_generation,
        copied_bytes: event.copied_bytes,
        promoted_bytes: event.promoted_bytes,
        promotion_failed_bytes: event.promotion_failed_bytes,
        marked_bytes: event.marked_bytes,
        marked_objects: event.marked_objects,
        freed_bytes: event.freed_bytes,
        incremental_marking: event.steps.as_ref().map(marking),
        abandoned_marking: event.abandoned_steps.as_ref().map(marking),
        average_mu: event.average_mu,
        current_mu: event.current_mu,
    }
}

/// Steps of marking as the record has them.
fn marking(steps: &gc::IncrementalSteps) -> record::IncrementalMarking {
    record::IncrementalMarking {
        steps: steps.steps,
        total_ns: steps.total_ns,
        longest_ns: steps.longest_ns,
        wall_us: steps.wall_ns / 1000,
    }
}

/// The heap's sizes as the record has them.
pub(crate) fn sizes(sizes: &gc::HeapSizes) -> record::HeapSizes {
    record::HeapSizes {
        young_bytes: sizes.young,
        old_bytes: sizes.old,
        large_bytes: sizes.large,
        external_bytes: sizes.external,
        committed_bytes: sizes.committed,
    }
}

/// A sample as the record has it.
pub(crate) fn sample(sample: &driver::Sample) -> record::Sample {
    record::Sample {
        tick: sample.tick,
        time_us: sample.time_us,
        heap: sizes(&sample.heap),
        old_generation_limit_bytes: sample.old_generation_limit,
        allocated_bytes: Some(sample.allocated_bytes),
        resident_bytes: sample.resident_bytes,
        values: sample
            .values
            .iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

/// A note as the record has it.
pub(crate) fn note(note: &workloads::Note) -> record::Note {
    record::Note {
        tick: note.tick,
        time_us: note.time_us,
        name: note.name.to_owned(),
        text: note.text.clone(),
    }
}

/// Why a snapshot was taken, as the record has it.
pub(crate) fn why(reason: driver::SnapshotReason) -> record::SnapshotWhy {
    use driver::SnapshotReason as Reason;
    match reason {
        Reason::Start => record::SnapshotWhy::Start,
        Reason::Tick => record::SnapshotWhy::Tick,
        Reason::NearHeapLimit => record::SnapshotWhy::NearHeapLimit,
        Reason::Limit => record::SnapshotWhy::Limit,
        Reason::Requested => record::SnapshotWhy::Signal,
        Reason::End => record::SnapshotWhy::End,
    }
}

/// How a run ended, as the record has it.
pub(crate) fn end(summary: &driver::RunSummary) -> record::RunEnd {
    record::RunEnd {
        ticks: summary.ticks,
        time_us: summary.time_us,
        outcome: match &summary.outcome {
            driver::Outcome::Completed => record::Outcome::Completed,
            driver::Outcome::Interrupted => record::Outcome::Interrupted,
            driver::Outcome::Failed(message) => record::Outcome::Failed {
                message: message.clone(),
            },
            driver::Outcome::HeapLimit(details) => record::Outcome::HeapLimit {
                which: details.limit.to_string(),
                limit_bytes: details.limit_bytes as u64,
                live_bytes: details.live as u64,
                requested_bytes: details.requested as u64,
                collections_tried: details.minor_collections + details.major_collections,
            },
        },
    }
}

/// A figure of the whole run, as the record has it.
pub(crate) fn counter(counter: &workloads::Counter) -> record::Counter {
    record::Counter {
        name: counter.name.to_owned(),
        title: counter.title.to_owned(),
        unit: unit(counter.unit),
        value: counter.value,
    }
}

/// What is known of a run before it starts.
pub(crate) fn run_info(
    workload: &workloads::Description,
    cure: Option<&workloads::Cure>,
    parameters: &workloads::Parameters,
    limits: &gc::HeapLimits,
) -> record::RunInfo {
    let limits = record::Limits {
        max_old_space_bytes: limits.max_old_generation_size as u64,
        max_semi_space_bytes: limits.max_semi_space_size as u64,
        initial_semi_space_bytes: limits.initial_semi_space_size as u64,
        max_external_bytes: limits.max_external_memory.map(|bytes| bytes as u64),
    };
    let name = record::Workload {
        name: workload.name.to_owned(),
        title: workload.title.to_owned(),
        summary: workload.summary.to_owned(),
    };
    record::RunInfo {
        cure: cure.map(|cure| record::Cure {
            name: cure.name.to_owned(),
            summary: cure.summary.to_owned(),
        }),
        parameters: parameters
            .iter()
            .map(|(parameter, value)| record::Parameter {
                name: parameter.name.to_owned(),
                value: record::ParameterValue::Number(value.number()),
                unit: unit(value.unit()),
                meaning: parameter.meaning.to_owned(),
            })
            .collect(),
        ground_truth: workload.leaks.iter().map(ground_truth).collect(),
        charts: workload.charts.iter().map(chart).collect(),
        ..record::RunInfo::new(name, limits)
    }
}

fn ground_truth(truth: &workloads::GroundTruth) -> record::GroundTruth {
    record::GroundTruth {
        class: truth.class.to_owned(),
        path: truth
            .path
            .iter()
            .map(|step| record::PathStep {
                edge: step.edge.to_owned(),
                class: step.class.to_owned(),
            })
            .collect(),
        why: truth.why.to_owned(),
    }
}

fn chart(chart: &workloads::Chart) -> record::CurveChart {
    record::CurveChart {
        name: chart.name.to_owned(),
        title: chart.title.to_owned(),
        unit: unit(chart.unit),
        caption: chart.caption.to_owned(),
        curves: chart
            .series
            .iter()
            .map(|series| record::Curve {
                name: series.name.to_owned(),
                title: series.title.to_owned(),
            })
            .collect(),
    }
}

fn unit(unit: workloads::Unit) -> record::Unit {
    record::Unit::from(unit.as_str().to_owned())
}

/// The heap's statistics under the names of Node's functions. What differs from run to run and from machine to
/// machine (resident size, what the system has committed, its own memory) is left out on a virtual clock.
pub(crate) fn statistics(heap: &gc::Heap, virtual_clock: bool) -> Value {
    let own = |key: &str| {
        !matches!(
            key,
            "total_physical_size"
                | "physical_space_size"
                | "malloced_memory"
                | "peak_malloced_memory"
                | "rss"
        )
    };
    let object = |fields: &[(&'static str, u64)]| -> Map<String, Value> {
        let fields = fields.iter().filter(|(key, _)| !virtual_clock || own(key));
        fields
            .map(|&(key, value)| (key.to_owned(), value.into()))
            .collect()
    };
    let spaces = heap.space_statistics().map(|space| {
        let (key, name) = space.name_field();
        let mut fields = object(&space.fields());
        fields.insert(key.to_owned(), name.into());
        Value::Object(fields)
    });
    let mut all = json!({
        "getHeapStatistics": object(&heap.statistics().fields()),
        "getHeapSpaceStatistics": spaces,
        "memoryUsage": object(&heap.memory_usage().fields()),
    });
    if !virtual_clock {
        all["system"] = object(&gc::system::system_memory().fields()).into();
    }
    all
}
