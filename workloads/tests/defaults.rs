//! At the limits that the command line has by default, every leak ends at its limit about halfway through
//! its ticks, with the objects retained as its ground truth says; and every cure gets to the end.

use std::collections::BTreeSet;

use heaplab_gc::{Heap, HeapOptions, HeapWalk, Kind, Limit, ObjectRef, SlotContent, VirtualClock};
use heaplab_workloads::driver::{self, NoObserver, Outcome, RunOptions};
use heaplab_workloads::{GroundTruth, Parameters, registry};

const MB: usize = 1 << 20;

fn heap() -> Heap {
    let mut options = HeapOptions::with_limits(64 * MB, 4 * MB);
    options.max_external_memory = Some(64 * MB);
    Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap")
}

/// Whether an object has this name in a snapshot.
fn is_named(walk: &HeapWalk<'_>, object: ObjectRef, name: &str) -> bool {
    walk.shape_info(walk.shape(object)).is_some_and(|info| {
        let function = name.strip_prefix("system / Context / ");
        match (info.kind, function) {
            (Kind::Context, Some(function)) => *info.name == *function,
            (Kind::Context, None) | (_, Some(_)) => false,
            (_, None) => *info.name == *name,
        }
    })
}

/// The objects that the edges of this name refer to; `[]` stands for all elements.
fn targets(walk: &HeapWalk<'_>, object: ObjectRef, edge: &str) -> Vec<ObjectRef> {
    let Some(info) = walk.shape_info(walk.shape(object)) else {
        return Vec::new();
    };
    let slots = walk.slots(object).enumerate();
    slots
        .filter(|(i, _)| match info.slots.get(*i) {
            Some(name) => &**name == edge,
            None => edge == "[]",
        })
        .filter_map(|(_, content)| match content {
            SlotContent::Object(target) => Some(target),
            _ => None,
        })
        .collect()
}

/// The objects at the end of a ground truth's path, by ordinal.
fn at_the_end(walk: &HeapWalk<'_>, truth: &GroundTruth) -> BTreeSet<u32> {
    let roots = walk.roots().iter().flat_map(|group| group.objects.iter());
    let mut front: Vec<ObjectRef> = roots
        .copied()
        .filter(|&object| is_named(walk, object, truth.path[0].class))
        .collect();
    for step in &truth.path[1..] {
        front = front
            .iter()
            .flat_map(|&object| targets(walk, object, step.edge))
            .filter(|&object| is_named(walk, object, step.class))
            .collect();
    }
    front.iter().map(|&object| walk.ordinal(object)).collect()
}

#[test]
fn every_leak_reaches_the_limit_halfway_and_is_held_as_declared() {
    for workload in registry::WORKLOADS {
        let name = workload.name;
        let parameters = Parameters::defaults(workload, None);
        let mut leak = workload.build(&parameters, None);
        let options = RunOptions::ticks(workload.ticks);
        let mut heap = heap();
        let summary = driver::run(&mut heap, &mut *leak, &options, &mut NoObserver);
        let Outcome::HeapLimit(details) = &summary.outcome else {
            panic!("{name}: {summary:?}");
        };
        // Of the first leak's class, and of objects in all, at the limit.
        let (limit, least, objects) = match name {
            "buffers" => (Limit::External, 7_000, 25_000..50_000),
            _ => (Limit::OldSpace, 50_000, 300_000..600_000),
        };
        assert_eq!(details.limit, limit, "{name}");
        let share = summary.ticks as f64 / workload.ticks as f64;
        assert!(
            (0.4..0.6).contains(&share),
            "{name}: at {share} of the ticks"
        );
        heap.walk(|walk| {
            let count = walk.object_count();
            assert!(objects.contains(&count), "{name}: {count} objects");
            for (i, truth) in workload.leaks.iter().enumerate() {
                let all = walk.objects().filter(|&o| is_named(walk, o, truth.class));
                let (all, held) = (all.count(), at_the_end(walk, truth).len());
                if i == 0 {
                    // But for the few that the last tick had in hand.
                    assert!(all > least, "{name}: {all} of {}", truth.class);
                    assert!(held + 10 > all, "{name}: {held} of {all} {}", truth.class);
                } else {
                    assert!(held > 0, "{name}: {} by {truth}", truth.class);
                    assert!(all > 500, "{name}: {all} of {}", truth.class);
                }
            }
        })
        .expect("ids");
    }
}

#[test]
fn every_cure_gets_to_the_end() {
    for workload in registry::WORKLOADS {
        for cure in workload.cures {
            let parameters = Parameters::defaults(workload, Some(cure));
            let mut cured = workload.build(&parameters, Some(cure));
            let options = RunOptions::ticks(workload.ticks);
            let summary = driver::run(&mut heap(), &mut *cured, &options, &mut NoObserver);
            let name = format!("{} --cure {}", workload.name, cure.name);
            assert_eq!(summary.outcome, Outcome::Completed, "{name}");
            assert_eq!(summary.ticks, workload.ticks, "{name}");
        }
    }
}
