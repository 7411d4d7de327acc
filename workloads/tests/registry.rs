//! What workloads declare agrees with what they do.

use std::collections::BTreeSet;

use heaplab_gc::{Heap, HeapOptions, VirtualClock};
use heaplab_workloads::driver::{self, RunObserver, RunOptions, Sample};
use heaplab_workloads::{Cure, Description, ParameterError, Parameters, Unit, Value, registry};

fn variants() -> impl Iterator<Item = (&'static Description, Option<&'static Cure>)> {
    registry::WORKLOADS.into_iter().flat_map(|workload| {
        let cures = std::iter::once(None).chain(workload.cures.iter().map(Some));
        cures.map(move |cure| (workload, cure))
    })
}

fn is_sentence(text: &str) -> bool {
    text.ends_with('.') && text.starts_with(char::is_uppercase) && !text.contains("  ")
}

#[test]
fn declarations_are_complete_and_consistent() {
    for workload in registry::WORKLOADS {
        let name = workload.name;
        assert!(
            is_sentence(workload.summary),
            "{name}: {}",
            workload.summary
        );
        assert!(!workload.title.is_empty() && workload.warm_up < workload.ticks);
        let cures: BTreeSet<&str> = workload.cures.iter().map(|cure| cure.name).collect();
        assert_eq!(cures.len(), workload.cures.len(), "{name}");
        assert!(!cures.is_empty() && !cures.contains("leak"), "{name}");
        assert!(workload.cures.iter().all(|cure| is_sentence(cure.summary)));
        let mut names = BTreeSet::new();
        for parameter in workload.parameters {
            let what = format!("{name} {}", parameter.name);
            assert!(names.insert(parameter.name), "{what} twice");
            assert!(!parameter.meaning.is_empty(), "{what}");
            assert!(
                parameter.cures.iter().all(|cure| cures.contains(cure)),
                "{what}"
            );
            // A default can be given as it is printed, so it is in its range.
            let given = parameter.default.to_string();
            assert_eq!(parameter.parse(&given), Ok(parameter.default), "{what}");
        }
        for truth in workload.leaks {
            assert_eq!(truth.path.last().map(|step| step.class), Some(truth.class));
            assert!(is_sentence(truth.why), "{name}: {}", truth.why);
        }
        let charts: BTreeSet<&str> = workload.charts.iter().map(|chart| chart.name).collect();
        assert_eq!(charts.len(), workload.charts.len(), "{name}");
    }
}

#[test]
fn what_is_sampled_is_declared() {
    struct Names(BTreeSet<&'static str>);
    impl RunObserver for Names {
        fn on_sample(&mut self, sample: &Sample) {
            self.0.extend(sample.values.iter().map(|(name, _)| name));
        }
    }
    for (workload, cure) in variants() {
        let options = HeapOptions::with_limits(8 << 20, 1 << 20);
        let mut heap = Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap");
        let mut built = workload.build(&Parameters::defaults(workload, cure), cure);
        let mut names = Names(BTreeSet::new());
        let options = RunOptions::ticks(2_000);
        let summary = driver::run(&mut heap, &mut *built, &options, &mut names);
        let declared = workload.charts.iter().flat_map(|chart| chart.series);
        let declared: BTreeSet<&str> = declared.map(|series| series.name).collect();
        assert_eq!(names.0, declared, "{} {cure:?}", workload.name);
        let counters: BTreeSet<&str> = summary.counters.iter().map(|c| c.name).collect();
        assert_eq!(counters.len(), summary.counters.len(), "{}", workload.name);
        assert!(summary.counters.iter().all(|c| c.value.is_finite()));
    }
}

#[test]
fn unknown_names_are_refused_with_the_nearest_known_one() {
    let error = registry::find("cahce", None).expect_err("no such workload");
    assert_eq!(
        error.to_string(),
        "there is no workload 'cahce', did you mean 'cache'?; there are cache, queue, closures, buffers"
    );
    let error = registry::find("cache", Some("rlu")).expect_err("no such cure");
    assert_eq!(
        error.to_string(),
        "cache has no cure 'rlu', did you mean 'lru'?; it has lru, fifo, ttl"
    );
    let error = registry::find("queue", Some("lru")).expect_err("no such cure");
    assert_eq!(
        error.to_string(),
        "queue has no cure 'lru'; it has reject, timeout, backpressure"
    );
}

#[test]
fn parameters_are_checked_against_workload_and_cure() {
    let (cache, _) = registry::find("cache", None).expect("cache");
    let parse = |cure: Option<&str>, assignments: &[&str]| {
        let cure = cure.and_then(|name| cache.cure(name));
        Parameters::parse(cache, cure, assignments)
    };
    let error =
        |cure, assignments: &[&str]| parse(cure, assignments).expect_err("refused").to_string();
    assert_eq!(
        error(None, &["bytes=8MB"]),
        "'bytes' belongs to the cure lru: add --cure lru"
    );
    assert_eq!(
        error(Some("ttl"), &["entries=5"]),
        "'entries' belongs to the cure lru or fifo: add --cure lru"
    );
    assert_eq!(
        error(None, &["pages"]),
        "'pages' is no parameter: write name=value, such as pages=20000"
    );
    assert_eq!(
        error(None, &["pages=0"]),
        "pages=0 is out of range: from 1 to 10000000 count"
    );
    assert_eq!(
        error(None, &["skwe=2"]),
        "cache has no parameter 'skwe', did you mean 'skew'?; it has pages, skew, unique, payload, \
         entries, bytes, ttl"
    );
    assert_eq!(
        error(Some("ttl"), &["ttl=soon"]),
        "ttl takes ticks such as 8000, or a time such as 250ms, not 'soon'"
    );
    assert!(matches!(
        parse(Some("ttl"), &["ttl=0ms"]),
        Err(ParameterError::OutOfRange { .. })
    ));
    let given = parse(Some("ttl"), &["ttl=250ms", "pages=1k", "pages=2k"]).expect("parameters");
    assert_eq!(given.count("pages"), 2000);
    let ttl = given.get("ttl").expect("declared");
    assert_eq!((ttl.number(), ttl.unit()), (250.0, Unit::Milliseconds));
    assert_eq!(given.get("entries"), None);
    // One list for all variants side by side.
    let shared = ["entries=7", "unique=25%"];
    let leak = Parameters::parse_shared(cache, None, shared).expect("shared");
    assert_eq!((leak.get("entries"), leak.number("unique")), (None, 0.25));
    let fifo = Parameters::parse_shared(cache, cache.cure("fifo"), shared).expect("shared");
    assert_eq!(fifo.get("entries"), Some(Value::Count(7)));
    assert!(Parameters::parse_shared(cache, None, ["ttl=never"]).is_err());
}

#[test]
fn extreme_parameters_do_no_harm() {
    for (workload, cure) in variants() {
        for parameter in workload.parameters.iter().filter(|p| p.applies_to(cure)) {
            let (least, most) = parameter.range;
            for extreme in [least, most.min(50_000.0)] {
                let given = format!("{}={extreme}", parameter.name);
                let parameters = Parameters::parse(workload, cure, [&given]).expect("in range");
                let mut built = workload.build(&parameters, cure);
                let options = HeapOptions::with_limits(16 << 20, 1 << 20);
                let mut heap =
                    Heap::with_clock(options, Box::new(VirtualClock::new())).expect("heap");
                let options = RunOptions::ticks(300);
                let summary =
                    driver::run(&mut heap, &mut *built, &options, &mut driver::NoObserver);
                let name = format!("{} {cure:?} {given}", workload.name);
                assert!(
                    !matches!(summary.outcome, driver::Outcome::Failed(_)),
                    "{name}: {summary:?}"
                );
            }
        }
    }
}
