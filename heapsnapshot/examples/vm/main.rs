//! A tiny virtual machine on heaplab's heap, which writes a snapshot of itself when its heap is full.
//!
//! ```text
//! cargo run -p heapsnapshot --example vm -- vm.heapsnapshot [MB]
//! ```
//!
//! The program below keeps a log of all requests, and for each a closure that uses the request's note only. Open the
//! file in Chrome (DevTools → Memory → *Load profile*): `(VM stack)` stands below `(GC roots)`, and from the program's
//! context edges named after its variables lead to all it keeps.
//!
//! | file | what it shows |
//! |---|---|
//! | `code` | the reader and compiler: nothing of it touches the heap |
//! | `machine` | the interpreter: its stack as a root provider, its constants as a root table, frames as contexts |
//!
//! The chapter "Put your VM on it" in the documentation of `heaplab-gc` walks through it.

mod code;
mod machine;

use std::cell::Cell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use heaplab_gc::{GcEvent, Heap, HeapOptions};
use heapsnapshot::gc_source::write_snapshot_file;
use machine::{Machine, VmError};

/// Sums up a list in a function that allocates, then keeps a log until the heap is full.
const PROGRAM: &str = r#"
    (let fib (fn fib (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))
    (print (concat "fib(20) is " (fib 20)))

    (let log nil)
    (let handlers nil)
    (let requests 0)
    (let serve (fn serve (url)
        (let note (concat "GET " url))
        (set log (new LogEntry text note older log))
        (fn onClose () note)))
    (while true
        (set requests (+ requests 1))
        (set handlers (new Handler run (serve (concat "/page/" requests)) next handlers)))
"#;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(file) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: vm FILE [MB]");
        return ExitCode::from(2);
    };
    let megabytes = match arguments.next().map(|text| text.to_string_lossy().parse()) {
        None => 8,
        Some(Ok(megabytes)) => megabytes,
        Some(Err(_)) => {
            eprintln!("MB is a whole number of megabytes");
            return ExitCode::from(2);
        }
    };
    match run(&file, megabytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(file: &std::path::Path, megabytes: usize) -> Result<(), Box<dyn std::error::Error>> {
    let bytes = megabytes
        .checked_mul(1 << 20)
        .ok_or("so much memory cannot be")?;
    let mut heap = Heap::new(HeapOptions::with_limits(bytes, 1 << 20))?;
    let collections = Rc::new(Cell::new(0));
    let counter = Rc::clone(&collections);
    heap.set_observer(Box::new(move |_: &GcEvent| counter.set(counter.get() + 1)));

    let mut machine = Machine::new(&mut heap, code::compile(PROGRAM)?)?;
    let ended = machine.run(&mut heap);
    for line in machine.printed() {
        println!("{line}");
    }
    match ended {
        Ok(()) => println!("the program has ended"),
        Err(VmError::HeapLimit(reached)) => println!("{reached}"),
        Err(error) => return Err(error.into()),
    }
    println!(
        "{} instructions, {} collections",
        machine.instructions(),
        collections.get()
    );
    let written = write_snapshot_file(&mut heap, file)?;
    println!(
        "{}: {} nodes, {} edges",
        file.display(),
        written.nodes,
        written.edges
    );
    Ok(())
}
