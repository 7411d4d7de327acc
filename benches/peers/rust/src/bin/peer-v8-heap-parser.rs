//! `v8-heap-parser` (of Visual Studio Code) reads a snapshot and sums up its classes: `peer-v8-heap-parser FILE`.
//!
//! The peer of `heaplab snapshot summary`; see `cargo xtask compare reading`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1) else {
        eprintln!("usage: peer-v8-heap-parser FILE");
        return ExitCode::from(2);
    };
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return ExitCode::from(3);
        }
    };
    let graph = match v8_heap_parser::decode_slice(&text) {
        Ok(graph) => graph,
        Err(error) => {
            eprintln!("{}: refused: {error}", file.display());
            return ExitCode::from(3);
        }
    };
    let classes = graph.get_class_groups(false);
    let retained: u64 = classes.iter().map(|class| class.retained_size).max().unwrap_or(0);
    println!(
        "{{\"nodes\":{},\"classes\":{},\"largest\":{retained}}}",
        graph.nodes().len(),
        classes.len()
    );
    ExitCode::SUCCESS
}
