//! The library in a few lines, as in the README: a log that nobody trims, its limit, its snapshot.

use std::path::Path;

use heaplab_gc::{Heap, HeapLimitReached, HeapOptions};
use heapsnapshot::gc_source::write_snapshot_file;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut heap = Heap::new(HeapOptions::with_limits(16 << 20, 1 << 20))?;
    let (log, entry) = heap.enter(|s| -> Result<_, Box<dyn std::error::Error>> {
        let log = s.shape("Log", &["newest"])?;
        let log = s.object(log)?;
        Ok((s.global(log), s.shape("Entry", &["text", "older"])?))
    })?;
    let full = loop {
        let logged = heap.enter(|s| -> Result<(), HeapLimitReached> {
            let text = s.string("GET /index.html")?; // rooted: survives what allocates next
            let older = s.root(s.get(s.peek(&log), 0));
            let newest = s.object_with(entry, [text.into(), older.into()])?;
            s.set(s.peek(&log), 0, newest); // stores never collect
            Ok(())
        });
        if let Err(full) = logged {
            break full;
        }
    };
    println!("{full}");
    let written = write_snapshot_file(&mut heap, Path::new("log.heapsnapshot"))?;
    println!("log.heapsnapshot: {} nodes", written.nodes);
    Ok(())
}
