//! Plants every bug of [`heaplab_gc::seeded`] and asserts that the workouts below catch it; without one they pass.
//!
//! Each bug runs in a process of its own, since a broken collector may well take its process along. The table of
//! what caught what is printed, and stands in `docs/seeded-bugs.md`; `UPDATE_DOCS=1` writes it anew.

use heaplab_gc::seeded::{Bug, plant};
use heaplab_gc::testing::{Program, run, run_on};
use heaplab_gc::{
    Budget, CollectionKind, CollectionReason, Compaction, Global, Heap, HeapLimitReached,
    HeapOptions, Immediate, Local, PAGE_SIZE, Policy, Scope, Smi, StepProgress, Stress,
};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;

const VARIABLE: &str = "HEAPLAB_SEEDED_BUG";
const MB: usize = 1 << 20;

/// What a workout found out: how many programs and collections it took, or what is wrong.
type Verdict = Result<(usize, u64), String>;

/// One piece of work on heaps that a bug may have been planted in.
struct Workout {
    name: &'static str,
    work: fn() -> Verdict,
}

/// From quick to slow; the first that fails is the one that catches the bug.
const WORKOUTS: &[Workout] = &[
    Workout {
        name: "op programs, stress 7",
        work: || programs(Policy::Generational, Some(stress(7)), 1..9, 300),
    },
    Workout {
        name: "op programs, samples, stress 32",
        work: || {
            let sampled = stress(32).with_samples();
            programs(Policy::Generational, Some(sampled), 80..90, 500)
        },
    },
    Workout {
        name: "weak things, stress 5",
        work: || weak_things(Some(stress(5))),
    },
    Workout {
        name: "weak things, plain",
        work: || weak_things(None),
    },
    Workout {
        name: "steps and stores",
        work: steps_and_stores,
    },
    Workout {
        name: "dead hosts in live pages",
        work: dead_hosts,
    },
    Workout {
        name: "large arrays, stress 3",
        work: || large_arrays(stress(3)),
    },
    Workout {
        name: "op programs, no compaction, stress 7",
        work: no_compaction,
    },
    Workout {
        name: "op programs, stress 1",
        work: || programs(Policy::Generational, Some(stress(1)), 20..24, 200),
    },
    Workout {
        name: "op programs, stress 64 at random",
        work: || {
            let every = Stress::random(nonzero(64), 11);
            programs(Policy::Generational, Some(every), 30..40, 1_000)
        },
    },
    Workout {
        name: "op programs, mark-compact, stress 7",
        work: || programs(Policy::MarkCompact, Some(stress(7)), 40..44, 300),
    },
    Workout {
        name: "op programs, mark-sweep, stress 7",
        work: || programs(Policy::MarkSweep, Some(stress(7)), 50..54, 300),
    },
    Workout {
        name: "op programs, no stress",
        work: || programs(Policy::Generational, None, 60..70, 2_000),
    },
];

fn nonzero(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).expect("not zero")
}

fn stress(interval: u32) -> Stress {
    Stress::every(nonzero(interval))
}

fn options(policy: Policy, stress: Option<Stress>) -> HeapOptions {
    let options = HeapOptions::with_limits(8 * MB, PAGE_SIZE).with_policy(policy);
    match stress {
        Some(stress) => options.with_stress(stress),
        None => options,
    }
}

/// Nothing is evacuated: pages are swept, and their gaps used again.
fn no_compaction() -> Verdict {
    let mut verified = 0;
    for seed in 70..78 {
        let mut options = options(
            Policy::Generational,
            Some(Stress {
                evacuate_all: false,
                ..stress(7)
            }),
        );
        options.compaction = Compaction::Never;
        let outcome = run(&Program::random(seed, 500), options)
            .map_err(|failure| format!("shadow model: {failure}"))?;
        verified += outcome.verified;
    }
    Ok((8, verified))
}

fn programs(
    policy: Policy,
    stress: Option<Stress>,
    seeds: std::ops::Range<u64>,
    ops: usize,
) -> Verdict {
    let mut verified = 0;
    let programs = seeds.clone().count();
    for seed in seeds {
        let outcome = run(&Program::random(seed, ops), options(policy, stress))
            .map_err(|failure| format!("shadow model: {failure}"))?;
        verified += outcome.verified;
    }
    Ok((programs, verified))
}

fn expect(what: &str, holds: bool) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(format!("expectation: {what}"))
    }
}

fn verify(heap: &Heap) -> Result<(), String> {
    heap.verify()
        .map(drop)
        .map_err(|error| format!("verifier: {error}"))
}

fn major(heap: &mut Heap) {
    heap.collect(
        CollectionKind::Major,
        CollectionReason::LowMemoryNotification,
    );
}

/// Chains of ephemerons, weak references and finalisers: what must live lives, what must die dies.
fn weak_things(stress: Option<Stress>) -> Verdict {
    const LINKS: usize = 30;
    let mut heap = Heap::new(options(Policy::Generational, stress)).map_err(|e| e.to_string())?;
    let (map, first, kept, weak_kept, weak_dead) = heap
        .enter(|s| {
            let map = s.weak_map()?;
            // Each link's value is the next link's key, put in from the last to the first.
            let mut next = s.string("end")?;
            for i in (0..LINKS).rev() {
                let key = s.string(&format!("key {i}"))?;
                s.weak_map_set(map, key, next).expect("id");
                next = key;
            }
            let kept = s.array(10)?;
            let dead = s.array(10)?;
            let (weak_kept, weak_dead) = (s.weak_ref(kept)?, s.weak_ref(dead)?);
            for i in 0..5 {
                s.scope(|t| {
                    let target = t.array(3)?;
                    let held = t.string(&format!("held {i}"))?;
                    t.finalizer(target, held);
                    Ok(())
                })?;
            }
            Ok::<_, HeapLimitReached>((
                s.global(map),
                s.global(next),
                s.global(kept),
                s.global(weak_kept),
                s.global(weak_dead),
            ))
        })
        .map_err(|e| e.to_string())?;
    for round in 0..3 {
        heap.collect(CollectionKind::Minor, CollectionReason::Testing);
        verify(&heap)?;
        // Something to evacuate around.
        heap.enter(|s| {
            for _ in 0..200 {
                s.scope(|t| t.array(20).map(drop))?;
            }
            Ok::<_, HeapLimitReached>(())
        })
        .map_err(|e| e.to_string())?;
        if round > 0 {
            major(&mut heap);
            verify(&heap)?;
        }
    }
    heap.enter(|s| {
        let at = s.local(&first);
        for i in 0..LINKS {
            expect(
                "a key of the chain is what it was",
                s.as_str(at) == Some(format!("key {i}").as_str()),
            )?;
            let Some(next) = s.weak_map_get(s.peek(&map), at) else {
                return expect("the value of a live key is there", false);
            };
            s.assign(at, next);
        }
        expect(
            "a weak reference follows its target",
            s.weak_target(s.peek(&weak_kept))
                .is_some_and(|target| s.same(target, s.peek(&kept))),
        )?;
        expect(
            "a weak reference to the dead is cleared",
            s.weak_target(s.peek(&weak_dead)).is_none(),
        )?;
        for i in 0..5 {
            let held = s.next_finalizer();
            let text = held.and_then(|h| s.as_str(h).map(str::to_owned));
            expect(
                "what a finaliser holds is what it was",
                text == Some(format!("held {i}")),
            )?;
        }
        Ok(())
    })?;
    drop(first);
    major(&mut heap);
    verify(&heap)?;
    heap.enter(|s| {
        expect(
            "entries of dead keys are gone",
            s.weak_map_len(s.peek(&map)) == 0,
        )
    })?;
    Ok((1, heap.verifications() + 6))
}

/// Incremental marking in small steps while references move about, with promotions and evacuation in between.
fn steps_and_stores() -> Verdict {
    const LISTS: usize = 60;
    let mut heap = Heap::new(options(Policy::Generational, None)).map_err(|e| e.to_string())?;
    let table = heap.enter(|s| {
        let table = s.array(LISTS + 10).map_err(|e| e.to_string())?;
        for i in 0..LISTS {
            let list = list(s, i as i32, 150).map_err(|e| e.to_string())?;
            s.set(table, i, list);
        }
        Ok::<_, String>(s.global(table))
    })?;
    // Half of each list dies: pages worth evacuating.
    major(&mut heap);
    heap.enter(|s| {
        for i in (0..LISTS).step_by(2) {
            s.scope(|t| t.set(t.peek(&table), i, Immediate::Undefined));
        }
    });
    major(&mut heap);
    let mut cycles = 0;
    let mut tails: Vec<(usize, usize)> = Vec::new();
    for round in 0..600 {
        let progress = heap.step(Budget {
            bytes: 2048,
            ns: u64::MAX,
        });
        cycles += u32::from(progress == StepProgress::Complete);
        heap.enter(|s| {
            // The tail of a list that may not be marked yet moves to the table, which is; or back again.
            let (from, to) = (1 + 2 * (round % (LISTS / 2)), 2 * (round * 7 % (LISTS / 2)));
            let node = s.root(s.get(s.peek(&table), from));
            for _ in 0..100 {
                let next = s.root(s.get(node, 1));
                s.assign(node, next);
            }
            s.set(s.peek(&table), to, s.get(node, 1));
            s.set(node, 1, Immediate::Undefined);
            tails.push((from, to));
            if tails.len() == 5 {
                join(s, &table, tails.remove(0));
            }
            // Young objects that refer to old ones, and old ones to young.
            let place = 1 + 2 * (round * 11 % (LISTS / 2));
            let holder = s.array(30).map_err(|e| e.to_string())?;
            s.set(holder, 1, s.get(s.peek(&table), place));
            s.set(s.peek(&table), LISTS + round % 10, holder);
            Ok::<_, String>(())
        })?;
        if round % 7 == 0 {
            heap.collect(CollectionKind::Minor, CollectionReason::Testing);
        }
        verify(&heap)?;
    }
    heap.enter(|s| {
        for moved in tails {
            join(s, &table, moved);
        }
        for i in (1..LISTS).step_by(2) {
            let at = s.root(s.get(s.peek(&table), i));
            for n in 0..150 {
                let value = s.as_integer(s.get(at, 0));
                expect("a list is what it was", value == Some(i as i32 * 1000 + n))?;
                let next = s.root(s.get(at, 1));
                s.assign(at, next);
            }
        }
        expect("some cycles were completed", cycles > 0)
    })?;
    Ok((1, 600))
}

/// Old hosts die while their recorded slots still refer to young objects, and others use their place.
fn dead_hosts() -> Verdict {
    const HOSTS: usize = 40;
    let mut options = options(Policy::Generational, None);
    options.compaction = Compaction::Never;
    let mut heap = Heap::new(options).map_err(|e| e.to_string())?;
    let limit = |e: HeapLimitReached| e.to_string();
    let table = heap.enter(|s| {
        let table = s.array(2 * HOSTS).map_err(limit)?;
        for i in 0..2 * HOSTS {
            let host = s.array(20).map_err(limit)?;
            s.set(table, i, host);
        }
        Ok::<_, String>(s.global(table))
    })?;
    for _ in 0..2 {
        heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    }
    for round in 0..5 {
        // Every other host gets young objects and dies; the collection finds the young ones once old.
        let young = heap.enter(|s| {
            let young = s.array(4).map_err(limit)?;
            for i in (0..2 * HOSTS).step_by(2) {
                let host = s.get(s.peek(&table), i);
                for slot in 0..s.slot_count(host) {
                    s.set(host, slot, young);
                }
                s.set(s.peek(&table), i, Immediate::Undefined);
            }
            Ok::<_, String>(s.global(young))
        })?;
        // A final pause: it lets the young ones age, so that the dead hosts' slots are still in the set.
        heap.start_incremental_marking();
        heap.collect(CollectionKind::Major, CollectionReason::Testing);
        verify(&heap)?;
        heap.start_incremental_marking();
        verify(&heap)?;
        heap.enter(|s| {
            for i in (0..2 * HOSTS).step_by(2) {
                s.scope(|t| {
                    let text = t.string(&"text".repeat(18 + round)).map_err(limit)?;
                    t.set(t.peek(&table), i, text);
                    Ok::<_, String>(())
                })?;
            }
            Ok::<_, String>(())
        })?;
        for _ in 0..2 {
            heap.collect(CollectionKind::Minor, CollectionReason::Testing);
            verify(&heap)?;
        }
        heap.enter(|s| {
            for i in (0..2 * HOSTS).step_by(2) {
                let text = s.as_str(s.get(s.peek(&table), i));
                expect(
                    "a text is what it was",
                    text == Some(&*"text".repeat(18 + round)),
                )?;
                s.scope(|t| {
                    let host = t.array(20).map_err(limit)?;
                    t.set(t.peek(&table), i, host);
                    Ok::<_, String>(())
                })?;
            }
            Ok::<_, String>(())
        })?;
        drop(young);
        for _ in 0..2 {
            heap.collect(CollectionKind::Minor, CollectionReason::Testing);
        }
    }
    Ok((1, 20))
}

/// Puts the tail in slot `moved.1` of the table behind the 101st node of the list in slot `moved.0`.
fn join(s: &mut Scope<'_, '_>, table: &Global, moved: (usize, usize)) {
    s.scope(|t| {
        let node = t.root(t.get(t.peek(table), moved.0));
        for _ in 0..100 {
            let next = t.root(t.get(node, 1));
            t.assign(node, next);
        }
        t.set(node, 1, t.get(t.peek(table), moved.1));
        t.set(t.peek(table), moved.1, Immediate::Undefined);
    });
}

fn list<'s, 'h>(
    s: &mut Scope<'s, 'h>,
    owner: i32,
    length: i32,
) -> Result<Local<'s, 'h>, HeapLimitReached> {
    s.escape(|t| {
        let head = t.array(2)?;
        t.set(head, 0, Smi::wrapping(owner * 1000 + length - 1));
        for n in (0..length - 1).rev() {
            t.scope(|u| {
                let node = u.array(2)?;
                u.set(node, 0, Smi::wrapping(owner * 1000 + n));
                u.set(node, 1, head);
                u.assign(head, node);
                Ok(())
            })?;
        }
        Ok(head)
    })
}

/// Large objects that refer to small ones in fragmented pages, maps and deques that grow beside them.
fn large_arrays(stress: Stress) -> Verdict {
    let mut heap =
        Heap::new(options(Policy::Generational, Some(stress))).map_err(|e| e.to_string())?;
    heap.enter(|s| {
        let length = PAGE_SIZE / 4;
        let table = s.array(length)?;
        let deque = s.deque()?;
        let map = s.map()?;
        for i in 0..150 {
            s.scope(|t| {
                let text = t.string(&format!("text {i}"))?;
                t.set(table, (i * 97) % length, text);
                let other = t.string(&format!("other {i}"))?;
                t.deque_push_back(deque, other)?;
                t.map_set(map, text, other)
            })?;
        }
        // The elements of a deque that long are a large object, born old: growing it copies young references there.
        let long = s.deque()?;
        for i in 0..40_000 {
            s.scope(|t| {
                if i % 500 == 0 {
                    let text = t.string(&format!("element {i}"))?;
                    t.deque_push_back(long, text)
                } else {
                    t.deque_push_back(long, Smi::wrapping(i))
                }
            })?;
        }
        for i in (0..40_000).step_by(500) {
            let text = s.deque_get(long, i).and_then(|v| s.as_str(v));
            if text != Some(&*format!("element {i}")) {
                return Ok(expect("a long deque holds what was put in", false));
            }
        }
        let found: Result<(), String> = (0..150).try_for_each(|i| {
            let text = s.get(table, (i * 97) % length);
            let (expected, other) = (format!("text {i}"), format!("other {i}"));
            expect(
                "a large array holds what was put in",
                s.as_str(text) == Some(&*expected),
            )?;
            let back = s.deque_get(deque, i).and_then(|v| s.as_str(v));
            expect("a deque holds what was put in", back == Some(&*other))?;
            let back = s.map_get(map, text).and_then(|v| s.as_str(v));
            expect("a map holds what was put in", back == Some(&*other))
        });
        Ok::<_, HeapLimitReached>(found)
    })
    .map_err(|e| e.to_string())??;
    Ok((1, heap.verifications()))
}

/// A heap that is used after it was emptied by hand once, for [`run_on`].
#[test]
fn workouts_need_fresh_heaps_only() {
    let mut heap = Heap::new(options(Policy::Generational, None)).expect("heap");
    run_on(&Program::random(1, 100), &mut heap).expect("agrees");
    run_on(&Program::random(2, 100), &mut heap).expect("agrees again");
}

// --- the child ---------------------------------------------------------------------------------------------

/// Runs in the child process: all workouts with the bug that the variable names, until one fails.
#[test]
#[ignore = "the child process of the other tests"]
fn child() {
    let Ok(name) = std::env::var(VARIABLE) else {
        return;
    };
    let bug = Bug::ALL.iter().copied().find(|bug| bug.name() == name);
    plant(bug);
    let mut total = (0, 0);
    for workout in WORKOUTS {
        println!("WORKOUT\t{}", workout.name);
        let message = match catch_unwind(AssertUnwindSafe(workout.work)) {
            Ok(Ok((programs, verified))) => {
                total = (total.0 + programs, total.1 + verified);
                continue;
            }
            Ok(Err(message)) => message,
            Err(panic) => {
                let text = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                    .unwrap_or_default();
                format!("panic: {text}")
            }
        };
        println!("CAUGHT\t{}", message.replace(['\n', '\t'], " "));
        // A broken heap is not to be dropped in peace.
        std::process::exit(0);
    }
    println!("CLEAN\t{} programs, {} verifications", total.0, total.1);
}

/// How a run with a bug ended.
struct Caught {
    workout: String,
    by: String,
}

/// Runs the child; `Err` holds what it said when nothing was caught.
fn run_child(bug: Option<Bug>) -> Result<Caught, String> {
    let this = std::env::current_exe().expect("the test's own path");
    let output = Command::new(this)
        .args([
            "--ignored",
            "--exact",
            "child",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(VARIABLE, bug.map_or("none", Bug::name))
        .output()
        .expect("the child starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let last = |key: &str| {
        text.lines()
            .filter_map(|line| line.split_once(key).map(|(_, rest)| rest.trim().to_owned()))
            .next_back()
    };
    let workout = last("WORKOUT\t").unwrap_or_default();
    if let Some(message) = last("CAUGHT\t") {
        return Ok(Caught {
            workout,
            by: check_named_in(&message),
        });
    }
    if !output.status.success() {
        return Ok(Caught {
            workout,
            by: format!("the process died ({})", output.status),
        });
    }
    Err(last("CLEAN\t").unwrap_or_else(|| text.into_owned()))
}

/// The check that a message comes from.
fn check_named_in(message: &str) -> String {
    if let Some(at) = message.find(" broken: ") {
        let number = message[..at].rsplit(' ').next().unwrap_or_default();
        format!("verifier, {number}")
    } else if message.starts_with("shadow model: ") {
        "shadow model".to_owned()
    } else if let Some(what) = message.strip_prefix("expectation: ") {
        format!("expectation: {what}")
    } else {
        format!("assertion: {}", message.trim_start_matches("panic: "))
    }
}

// --- the tests ---------------------------------------------------------------------------------------------

#[test]
fn a_clean_heap_passes_all_workouts() {
    match run_child(None) {
        Err(clean) => println!("clean: {clean}"),
        Ok(caught) => panic!("{} fails without a bug: {}", caught.workout, caught.by),
    }
}

#[test]
fn every_seeded_bug_is_caught() {
    let mut table = String::new();
    let mut missed = Vec::new();
    for &bug in Bug::ALL {
        match run_child(Some(bug)) {
            Ok(caught) => {
                let row = format!(
                    "| `{}` | {} | {} | {} |",
                    bug.name(),
                    bug.what(),
                    caught.by.replace('|', "\\|"),
                    caught.workout
                );
                println!("{row}");
                table += &row;
                table.push('\n');
            }
            Err(clean) => missed.push(format!("{bug:?} ({clean})")),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let text = std::fs::read_to_string(document()).expect("the document");
        let head: String = text
            .lines()
            .take_while(|line| !line.starts_with("| `"))
            .flat_map(|line| [line, "\n"])
            .collect();
        std::fs::write(document(), head + &table).expect("the document is written");
    }
}

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/seeded-bugs.md")
}

#[test]
fn the_document_lists_exactly_these_bugs() {
    let text = std::fs::read_to_string(document()).expect("docs/seeded-bugs.md");
    let listed: Vec<(&str, &str)> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let mut cells = line.split(" | ");
            let name = cells.next().unwrap_or_default();
            (
                name.trim_matches(['|', '`', ' ']),
                cells.next().unwrap_or_default(),
            )
        })
        .collect();
    let planted: Vec<(&str, &str)> = Bug::ALL
        .iter()
        .map(|bug| (bug.name(), bug.what()))
        .collect();
    assert_eq!(listed, planted, "UPDATE_DOCS=1 writes the table anew");
}
