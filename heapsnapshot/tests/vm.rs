//! The example `vm`: it computes what it should while its heap collects all the time, and the snapshot that it writes
//! of itself shows its stack, its variables and its objects by name.

#[path = "../examples/vm/code.rs"]
mod code;
#[path = "../examples/vm/machine.rs"]
mod machine;

use std::num::NonZeroU32;

use heaplab_gc::{Heap, HeapOptions, Limit, Policy, Stress};
use heapsnapshot::format::{EdgeType, NodeType};
use heapsnapshot::gc_source::write_snapshot;
use heapsnapshot::{NodeRef, Snapshot};
use machine::{Machine, VmError};

const MB: usize = 1 << 20;

fn machine(heap: &mut Heap, program: &str) -> Machine {
    let code = code::compile(program).expect("the program makes sense");
    Machine::new(heap, code).expect("room for its constants")
}

/// What a program prints on a heap with these options.
fn printed(program: &str, options: HeapOptions) -> Vec<String> {
    let mut heap = Heap::new(options).expect("heap");
    let mut machine = machine(&mut heap, program);
    machine.run(&mut heap).expect("no error");
    heap.verify().expect("sound");
    assert!(machine.instructions() > 5_000);
    machine.printed().to_vec()
}

const COUNTERS: &str = r#"
    (let fib (fn fib (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))
    (print (fib 12))
    (let counter (fn counter (name)
        (let count 0)
        (fn next () (set count (+ count 1)) (concat name count))))
    (let a (counter "a"))
    (let b (counter "b"))
    (a) (a) (b)
    (print (concat (a) (b)))
    (let list nil)
    (let i 0)
    (while (< i 50) (set list (new Item value (concat "item " i) next list)) (set i (+ i 1)))
    (put list value "last")
    (let length 0)
    (while (= (= list nil) false) (set length (+ length 1)) (print (get list value)) (set list (get list next)))
    (print length)
"#;

#[test]
fn programs_compute_the_same_wherever_their_heap_collects() {
    let usual = printed(COUNTERS, HeapOptions::with_limits(16 * MB, MB));
    assert_eq!(usual[..2], ["144", "a3b2"]);
    assert_eq!(usual[2..4], ["last", "item 48"]);
    assert_eq!(usual.last().map(String::as_str), Some("50"));
    for policy in [Policy::Generational, Policy::MarkSweep, Policy::MarkCompact] {
        for every in [1, 13] {
            let stress = Stress::every(NonZeroU32::new(every).expect("not zero"));
            let options = HeapOptions::with_limits(16 * MB, MB)
                .with_policy(policy)
                .with_stress(stress);
            assert_eq!(printed(COUNTERS, options), usual, "{policy:?} {every}");
        }
    }
}

#[test]
fn programs_that_make_no_sense_say_why() {
    for (program, reason) in [
        ("(print x)", "there is no variable 'x'"),
        ("(print 1", "a list without its closing parenthesis"),
        (")", "a closing parenthesis too many"),
        ("(print \"x)", "a text without its closing quotation mark"),
        ("(new A b)", "a field of A has no value"),
        ("()", "an empty list"),
        (&"(".repeat(1000), "lists are nested more than 200 deep"),
    ] {
        let error = code::compile(program).expect_err(program);
        assert_eq!(error.to_string(), reason, "{program}");
    }
    for (program, reason) in [
        ("(1 2)", "a call of 1"),
        ("(let f (fn f (a) a)) (f)", "f takes 1 arguments, not 0"),
        ("(let f (fn f () (f))) (f)", "10000 calls within calls"),
        ("(+ 1 \"x\")", "Add of what is no integer"),
        ("(get (new A b 1) c)", "a A has no field c"),
        ("(get 7 c)", "7 has no field c"),
        ("(+ 1073741823 1)", "Add is 1073741824: too large"),
    ] {
        let mut heap = Heap::new(HeapOptions::with_limits(16 * MB, MB)).expect("heap");
        let error = machine(&mut heap, program).run(&mut heap);
        let error = error.expect_err(program).to_string();
        assert_eq!(error, reason, "{program}");
        heap.verify().expect("sound");
    }
}

/// The one node of this type and name.
fn only<'s>(snapshot: &'s Snapshot, kind: NodeType, name: &str) -> NodeRef<'s> {
    let mut found = snapshot
        .nodes()
        .filter(|node| node.is(kind) && node.name() == name);
    let node = found.next().unwrap_or_else(|| panic!("no {kind:?} {name}"));
    assert!(found.next().is_none(), "more than one {kind:?} {name}");
    node
}

/// Follows an edge of this type and name.
fn follow<'s>(node: NodeRef<'s>, kind: EdgeType, name: &str) -> NodeRef<'s> {
    let mut edges = node.edges();
    let edge = edges.find(|e| e.kind() == Some(kind) && e.name() == *name);
    let Some(edge) = edge else {
        panic!("{} has no {kind:?} {name}", node.name());
    };
    edge.to()
}

#[test]
fn a_full_machine_shows_itself_by_name() {
    let program = r#"
        (let log nil)
        (let handlers nil)
        (let serve (fn serve (url)
            (let note (concat "GET " url))
            (set log (new LogEntry text note older log))
            (fn onClose () note)))
        (while true (set handlers (new Handler run (serve "/") next handlers)))
    "#;
    let mut heap = Heap::new(HeapOptions::with_limits(2 * MB, MB)).expect("heap");
    let mut machine = machine(&mut heap, program);
    match machine.run(&mut heap) {
        Err(VmError::HeapLimit(reached)) => assert_eq!(reached.details().limit, Limit::OldSpace),
        other => panic!("{other:?}"),
    }
    let mut bytes = Vec::new();
    write_snapshot(&mut heap, &mut bytes).expect("a snapshot at the limit");
    let snapshot = Snapshot::parse(bytes).expect("what was written can be read");

    let stack = only(&snapshot, NodeType::Synthetic, "(VM stack)");
    assert!(
        stack
            .retainers()
            .any(|edge| edge.from().name() == "(GC roots)")
    );
    let program = only(&snapshot, NodeType::Object, "system / Context / program");
    assert!(
        program
            .retainers()
            .any(|edge| edge.from().id() == stack.id())
    );
    // Variables and fields by name, through the closure's context.
    let entry = follow(program, EdgeType::Context, "log");
    assert_eq!(entry.name(), "LogEntry");
    let text = follow(entry, EdgeType::Property, "text");
    assert_eq!(
        (text.kind(), &*text.name()),
        (Some(NodeType::String), "GET /")
    );
    assert_eq!(
        follow(entry, EdgeType::Property, "older").name(),
        "LogEntry"
    );
    let handler = follow(program, EdgeType::Context, "handlers");
    let closure = follow(handler, EdgeType::Property, "run");
    assert!(closure.is(NodeType::Closure) && closure.name() == "onClose");
    let serve = follow(closure, EdgeType::Internal, "context");
    assert_eq!(serve.name(), "system / Context / serve");
    follow(serve, EdgeType::Context, "note");
    assert_eq!(
        follow(serve, EdgeType::Internal, "previous").id(),
        program.id()
    );
    let constants = only(&snapshot, NodeType::Synthetic, "(VM constants)");
    let texts: Vec<String> = constants
        .edges()
        .map(|e| e.to().name().into_owned())
        .collect();
    assert_eq!(texts, ["GET ", "/"]);
}
