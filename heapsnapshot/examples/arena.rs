//! A heap of one's own as a snapshot: everything [`GraphSource`] asks for, over a toy heap.
//!
//! The toy is a vector of objects that refer to each other by index, as in many interpreters and entity systems. Usage:
//!
//! ```text
//! cargo run --example arena -- arena.heapsnapshot [OBJECTS]
//! ```
//!
//! Open the file in Chrome: DevTools → Memory → *Load profile*. The program has ended all sessions but one, and its cache keeps
//! only one request of each. But a request knows its session, and a session all its requests: `Cache` retains everything.

use std::path::Path;
use std::process::ExitCode;

use heapsnapshot::format::{EdgeType, NodeType};
use heapsnapshot::source::{Counts, GraphSource, SourceError};
use heapsnapshot::writer::{
    EdgeLabel, EdgeSink, Name, NameTable, NodeLabel, NodeSink, Stopped, TextSink, write_file,
};

/// An object of the toy heap. References are indexes into [`Arena::objects`].
enum Object {
    Session { requests: Vec<u32> },
    Request { url: u32, session: u32 },
    Text(String),
    Cache { requests: Vec<u32> },
}

/// The toy heap.
#[derive(Default)]
struct Arena {
    objects: Vec<Object>,
    /// What the program holds: (name of the variable, object).
    globals: Vec<(&'static str, u32)>,
    labels: Option<Labels>,
}

/// The parts of lines that repeat, rendered once while counting.
struct Labels {
    root: NodeLabel,
    gc_roots: NodeLabel,
    globals: NodeLabel,
    session: NodeLabel,
    request: NodeLabel,
    cache: NodeLabel,
    url: EdgeLabel,
    session_of: EdgeLabel,
    variables: Vec<EdgeLabel>,
}

/// Nodes in front of the objects: the root, `(GC roots)` and the one group of roots, `(Globals)`.
const SYNTHETIC: u32 = 3;

/// Odd, growing with allocation time, and the same in every snapshot, because the toy never moves or frees an object.
fn id(index: usize) -> u32 {
    2 * (SYNTHETIC + index as u32) + 1
}

impl Object {
    /// Bytes that the object itself takes.
    fn size(&self) -> u64 {
        let inline = std::mem::size_of::<Object>();
        let owned = match self {
            Object::Session { requests } | Object::Cache { requests } => {
                std::mem::size_of_val(&requests[..])
            }
            Object::Text(text) => text.len(),
            Object::Request { .. } => 0,
        };
        (inline + owned) as u64
    }

    fn edge_count(&self) -> u32 {
        match self {
            Object::Session { requests } | Object::Cache { requests } => requests.len() as u32,
            Object::Request { .. } => 2,
            Object::Text(_) => 0,
        }
    }
}

impl Arena {
    fn allocate(&mut self, object: Object) -> u32 {
        self.objects.push(object);
        self.objects.len() as u32 - 1
    }

    fn labels(&self) -> &Labels {
        self.labels.as_ref().expect("the writer counts first")
    }
}

impl GraphSource for Arena {
    type Target = u32;

    fn count(&mut self, names: &mut NameTable<'_>) -> Result<Counts, SourceError> {
        let mut node = |kind, name: &str| NodeLabel::new(kind, names.intern(name));
        let labels = Labels {
            root: node(NodeType::Synthetic, ""),
            gc_roots: node(NodeType::Synthetic, "(GC roots)"),
            globals: node(NodeType::Synthetic, "(Globals)"),
            session: node(NodeType::Object, "Session"),
            request: node(NodeType::Object, "Request"),
            cache: node(NodeType::Object, "Cache"),
            url: EdgeLabel::named(EdgeType::Property, names.intern("url")),
            session_of: EdgeLabel::named(EdgeType::Property, names.intern("session")),
            variables: self
                .globals
                .iter()
                .map(|(variable, _)| EdgeLabel::named(EdgeType::Property, names.intern(variable)))
                .collect(),
        };
        debug_assert_eq!(
            labels.root,
            NodeLabel::new(NodeType::Synthetic, Name::EMPTY)
        );
        self.labels = Some(labels);

        let mut counts = Counts {
            nodes: u64::from(SYNTHETIC),
            edges: 2 + self.globals.len() as u64,
            ..Counts::default()
        };
        for object in &self.objects {
            counts.nodes += 1;
            counts.edges += u64::from(object.edge_count());
            counts.largest_self_size = counts.largest_self_size.max(object.size());
            if let Object::Text(text) = object {
                counts.texts += 1;
                counts.text_units += text.len() as u64;
            }
        }
        Ok(counts)
    }

    fn nodes(&self, sink: &mut NodeSink<'_, '_>) -> Result<(), Stopped> {
        let labels = self.labels();
        sink.node(labels.root, 1, 0, 1)?;
        sink.node(labels.gc_roots, 3, 0, 1)?;
        sink.node(labels.globals, 5, 0, self.globals.len() as u32)?;
        for (index, object) in self.objects.iter().enumerate() {
            // `count` has seen that every size fits.
            let (id, size, edges) = (id(index), object.size() as u32, object.edge_count());
            match object {
                Object::Session { .. } => sink.node(labels.session, id, size, edges)?,
                Object::Request { .. } => sink.node(labels.request, id, size, edges)?,
                Object::Cache { .. } => sink.node(labels.cache, id, size, edges)?,
                Object::Text(_) => sink.text_node(NodeType::String, id, size, edges)?,
            }
        }
        Ok(())
    }

    fn edges(&self, sink: &mut EdgeSink<'_, '_, Self>) -> Result<(), Stopped> {
        let labels = self.labels();
        // The synthetic nodes' targets are behind all objects' indexes: `ordinal` knows.
        for group in 1..SYNTHETIC {
            sink.edge(EdgeLabel::element(1), u32::MAX - group)?;
            sink.end_node()?;
        }
        for (&label, &(_, object)) in labels.variables.iter().zip(&self.globals) {
            sink.edge(label, object)?;
        }
        sink.end_node()?;
        for object in &self.objects {
            match object {
                Object::Session { requests } | Object::Cache { requests } => {
                    for (at, &request) in requests.iter().enumerate() {
                        sink.edge(EdgeLabel::element(at as u32), request)?;
                    }
                }
                Object::Request { url, session } => {
                    sink.edge(labels.url, *url)?;
                    sink.edge(labels.session_of, *session)?;
                }
                Object::Text(_) => {}
            }
            sink.end_node()?;
        }
        Ok(())
    }

    fn texts(&self, sink: &mut TextSink<'_, '_>) -> Result<(), Stopped> {
        for object in &self.objects {
            if let Object::Text(text) = object {
                sink.utf8(text)?;
            }
        }
        Ok(())
    }

    fn ordinal(&self, target: u32) -> u32 {
        if target < self.objects.len() as u32 {
            SYNTHETIC + target
        } else {
            u32::MAX - target
        }
    }
}

/// Sessions of ten requests each, all over but the last; a cache that keeps one request of each.
fn sample(objects: usize) -> Arena {
    let mut arena = Arena::default();
    let mut cached = Vec::new();
    let mut current = 0;
    for number in 0..objects.div_ceil(21) {
        current = arena.allocate(Object::Session {
            requests: Vec::new(),
        });
        let mut made = Vec::new();
        for n in 0..10_u32 {
            let url = arena.allocate(Object::Text(format!(
                "/session/{number}/item/{n}?näme=\"€\""
            )));
            made.push(arena.allocate(Object::Request {
                url,
                session: current,
            }));
        }
        cached.push(made[number % 10]);
        if let Object::Session { requests } = &mut arena.objects[current as usize] {
            *requests = made;
        }
    }
    let cache = arena.allocate(Object::Cache { requests: cached });
    arena.globals = vec![("currentSession", current), ("cache", cache)];
    arena
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), objects) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: arena FILE.heapsnapshot [OBJECTS]");
        return ExitCode::from(2);
    };
    let Ok(objects) = objects.map_or(Ok(1000), |text| text.parse()) else {
        eprintln!("OBJECTS is a number");
        return ExitCode::from(2);
    };
    match write_file(&mut sample(objects), Path::new(&path)) {
        Ok(report) => {
            if let Some(warning) = report.warning() {
                eprintln!("{warning}");
            }
            eprintln!(
                "{path}: {} nodes, {} edges, {} bytes",
                report.nodes, report.edges, report.bytes
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(3)
        }
    }
}
