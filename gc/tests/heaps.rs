//! Several heaps in one process, heaps on threads, and roots of the embedder's own.

use heaplab_gc::testing::{Program, run};
use heaplab_gc::{
    CollectionKind, CollectionReason, Global, Heap, HeapOptions, Immediate, PAGE_SIZE, RootCell,
    RootProvider, RootVisitor, Smi, Stress,
};
use std::cell::RefCell;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

const MB: usize = 1 << 20;

fn heap() -> Heap {
    Heap::new(HeapOptions::with_limits(16 * MB, MB)).expect("heap")
}

fn collect(heap: &mut Heap) {
    heap.collect(CollectionKind::Minor, CollectionReason::Testing);
    heap.collect(CollectionKind::Major, CollectionReason::Testing);
}

fn panic_message(result: Result<(), Box<dyn std::any::Any + Send>>) -> String {
    match result {
        Ok(()) => panic!("did not panic"),
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(other) => other
                .downcast::<&str>()
                .map_or_else(|_| String::new(), |text| (*text).to_owned()),
        },
    }
}

#[test]
fn heaps_in_one_process_do_not_see_each_other() {
    let mut heaps: Vec<(Heap, Global)> = (0..8)
        .map(|n| {
            let mut heap = heap();
            let list = heap.enter(|s| {
                let list = s.array(1000).expect("room");
                for i in 0..1000 {
                    s.scope(|t| {
                        let text = t.string(&format!("heap {n} text {i}")).expect("room");
                        t.set(list, i, text);
                    });
                }
                s.global(list)
            });
            (heap, list)
        })
        .collect();
    // Collections of some, and the end of others, in any order.
    for round in 0..3 {
        for (heap, _) in heaps.iter_mut().skip(round).step_by(2) {
            collect(heap);
        }
    }
    heaps.swap_remove(3);
    heaps.swap_remove(0);
    for (heap, list) in &mut heaps {
        collect(heap);
        heap.verify().expect("sound");
        let first = heap.enter(|s| s.as_str(s.get(s.peek(list), 0)).map(str::to_owned));
        let name = first.expect("a string").replace(" text 0", "");
        heap.enter(|s| {
            for i in 0..1000 {
                let text = s.as_str(s.get(s.peek(list), i));
                assert_eq!(text, Some(format!("{name} text {i}").as_str()));
            }
        });
    }
}

#[test]
fn heaps_inside_heaps_can_be_entered() {
    let (mut outer, mut inner) = (heap(), heap());
    let sum = outer.enter(|s| {
        let array = s.array(10).expect("room");
        for i in 0..10 {
            let square = inner.enter(|t| {
                let n = t.number(i as f64).expect("room");
                t.as_number(n).map(|n| n * n)
            });
            s.scope(|u| {
                let number = u.number(square.expect("a number")).expect("room");
                u.set(array, i, number);
            });
        }
        (0..10)
            .filter_map(|i| s.as_number(s.get(array, i)))
            .sum::<f64>()
    });
    assert_eq!(sum, 285.0);
}

#[test]
fn roots_and_shapes_of_another_heap_are_refused() {
    let (mut a, mut b) = (heap(), heap());
    let (global, shape) = a.enter(|s| {
        let array = s.array(1).expect("room");
        (s.global(array), s.shape("Mine", &["x"]).expect("shape"))
    });
    let message = panic_message(catch_unwind(AssertUnwindSafe(|| {
        b.enter(|s| {
            s.local(&global);
        });
    })));
    assert!(message.contains("a root of another heap"), "{message}");
    let message = panic_message(catch_unwind(AssertUnwindSafe(|| {
        b.enter(|s| {
            let _ = s.object(shape);
        });
    })));
    assert!(message.contains("a shape of another heap"), "{message}");
    collect(&mut b);
    b.verify().expect("sound after the panics");
}

#[test]
fn a_panic_in_a_scope_drops_its_handles() {
    let mut heap = heap();
    let message = panic_message(catch_unwind(AssertUnwindSafe(|| {
        heap.enter(|s| {
            let array = s.array(100).expect("room");
            s.scope(|t| {
                let inner = t.array(100).expect("room");
                t.get(inner, 100);
            });
            s.set(array, 0, Immediate::Null);
        });
    })));
    assert!(message.contains("slot 100"), "{message}");
    collect(&mut heap);
    assert_eq!(heap.verify().expect("sound").reachable_objects, 0);
}

#[test]
fn globals_may_outlive_their_heap() {
    let mut heap = heap();
    let global = heap.enter(|s| {
        let array = s.array(1).expect("room");
        s.global(array)
    });
    drop(heap);
    assert!(format!("{global:?}").starts_with("Global("));
    drop(global);
}

#[test]
fn heaps_on_threads_run_side_by_side() {
    let threads: Vec<_> = (0..4)
        .map(|seed| {
            std::thread::spawn(move || {
                let every = NonZeroU32::new(50).unwrap_or(NonZeroU32::MIN);
                let options = HeapOptions::with_limits(8 * PAGE_SIZE, PAGE_SIZE)
                    .with_stress(Stress::every(every));
                run(&Program::random(seed, 400), options).map(|outcome| outcome.verified)
            })
        })
        .collect();
    for thread in threads {
        let verified = thread
            .join()
            .expect("no panic")
            .expect("heap and model agree");
        assert!(verified > 20);
    }
}

/// An interpreter's stack: cells in a vector of its own.
struct Stack {
    cells: Vec<RootCell>,
}

// SAFETY: `visit` shows every cell of the stack; the cells come from one heap and are opened in it only.
unsafe impl RootProvider for Stack {
    fn name(&self) -> &str {
        "(Interpreter stack)"
    }

    fn visit(&mut self, visitor: &mut RootVisitor<'_>) {
        for cell in &mut self.cells {
            visitor.cell(cell);
        }
    }
}

#[test]
fn a_providers_cells_follow_their_objects() {
    let every = NonZeroU32::MIN;
    let options =
        HeapOptions::with_limits(4 * PAGE_SIZE, PAGE_SIZE).with_stress(Stress::every(every));
    let mut heap = Heap::new(options).expect("heap");
    let stack = Rc::new(RefCell::new(Stack { cells: Vec::new() }));
    let provider: Rc<RefCell<dyn RootProvider>> = stack.clone();
    heap.add_root_provider(provider);
    heap.enter(|s| {
        for i in 0..200 {
            s.scope(|t| {
                let number = t.number(f64::from(i) + 0.5).expect("room");
                stack.borrow_mut().cells.push(t.cell(number));
                // Collects, with the number in its cell only.
                t.scope(|u| u.array(3).map(|_| ())).expect("room");
            });
            if i % 3 == 0 {
                stack.borrow_mut().cells.pop();
            }
        }
    });
    let walked = heap
        .walk(|walk| {
            let group = walk
                .roots()
                .iter()
                .find(|g| g.name == "(Interpreter stack)");
            group.map(|g| g.objects.len())
        })
        .expect("ids");
    assert_eq!(walked, Some(133));
    heap.enter(|s| {
        let stack = stack.borrow();
        let mut expected = (0..200).filter(|i| i % 3 != 0);
        for cell in &stack.cells {
            // SAFETY: the cell was made by this heap, and its provider is registered.
            let value = unsafe { s.open(cell) };
            let number = expected.next().map(|i| f64::from(i) + 0.5);
            assert_eq!(s.as_number(value), number);
        }
        assert_eq!(expected.next(), None);
    });
    stack.borrow_mut().cells.clear();
    collect(&mut heap);
    collect(&mut heap);
    assert_eq!(heap.verify().expect("sound").reachable_objects, 0);
}

#[test]
fn root_tables_are_roots_while_they_live() {
    let mut heap = heap();
    let table = heap.enter(|s| {
        let table = s.root_table("(Registers)");
        for i in 0..10 {
            s.scope(|t| {
                let number = t.number(f64::from(i)).expect("room");
                t.push_root(&table, number);
            });
        }
        table
    });
    collect(&mut heap);
    table.truncate(5);
    collect(&mut heap);
    assert_eq!(heap.verify().expect("sound").reachable_objects, 5);
    heap.enter(|s| {
        assert_eq!(s.as_number(s.root_at(&table, 4)), Some(4.0));
        s.set_root(&table, 4, Smi::wrapping(1));
    });
    collect(&mut heap);
    assert_eq!(heap.verify().expect("sound").reachable_objects, 4);
    drop(table);
    collect(&mut heap);
    assert_eq!(heap.verify().expect("sound").reachable_objects, 0);
}
