//! Classes: the rows of DevTools' Summary.
//!
//! A node's class follows from its type: `(system)` for hidden nodes, `Function` for closures, the
//! name for objects and native nodes. Plain objects (named `Object`) are told apart by *interfaces*:
//! see `classes/interfaces.rs`.
//!
//! Source: `calculateObjectNames` in DevTools' `HeapSnapshot.ts`.
//!
//! ```no_run
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! let class = snapshot.classes().class_of(snapshot.root().ordinal());
//! println!("{}", snapshot.classes().name(&snapshot, class));
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

mod interfaces;

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::format::NodeType;
use crate::graph::{NodeOrdinal, Snapshot};
use crate::memory;
use crate::strings::lossy;

/// The dense number of a class within one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct ClassId(pub u32);

/// The class of every node.
#[derive(Debug)]
pub struct Classes {
    of_node: Vec<u32>,
    names: Vec<ClassName>,
}

/// Where a class's name comes from. As in DevTools two sources are two classes, even if the texts
/// are equal.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) enum ClassName {
    /// A string of the file.
    String(u32),
    /// `Detached ` and a string of the file.
    Detached(u32),
    /// A text in WTF-8.
    Text(Box<[u8]>),
}

impl Classes {
    /// Complexity: one pass over the nodes, one over the edges of plain objects.
    pub(crate) fn compute(snapshot: &Snapshot) -> Classes {
        let mut naming = Naming::new(snapshot);
        let nodes = &snapshot.nodes;
        let object = snapshot.strings.find("Object");
        let mut plain = Vec::new();
        let mut of_node = memory::recycled(nodes.len(), 0);
        for (node, class) in of_node.iter_mut().enumerate() {
            *class = naming.class_of(node);
            if nodes.is(node, NodeType::Object) && object.contains(&nodes.name[node]) {
                plain.push(node as u32);
            }
        }
        let mut names = naming.names;
        interfaces::apply(snapshot, &plain, &mut of_node, |text| {
            names.push(ClassName::Text(text.into()));
            names.len() as u32 - 1
        });
        Classes { of_node, names }
    }

    /// From the class of every node, and the classes' names: as many as the largest class needs.
    pub(crate) fn from_parts(of_node: Vec<u32>, names: Vec<ClassName>) -> Classes {
        Classes { of_node, names }
    }

    /// The class of every node.
    pub(crate) fn column(&self) -> &[u32] {
        &self.of_node
    }

    /// The names of all classes.
    pub(crate) fn names(&self) -> &[ClassName] {
        &self.names
    }

    /// Number of classes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// No classes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// A node's class.
    #[must_use]
    pub fn class_of(&self, node: NodeOrdinal) -> ClassId {
        ClassId(self.of_node[node.index()])
    }

    /// The column, for its room.
    pub(crate) fn into_column(self) -> Vec<u32> {
        self.of_node
    }

    /// A class's name.
    #[must_use]
    pub fn name<'a>(&'a self, snapshot: &'a Snapshot, class: ClassId) -> Cow<'a, str> {
        match &self.names[class.0 as usize] {
            ClassName::String(index) => snapshot.strings.get(*index),
            ClassName::Detached(index) => {
                Cow::Owned(format!("Detached {}", snapshot.strings.get(*index)))
            }
            ClassName::Text(text) => lossy(Cow::Borrowed(text)),
        }
    }
}

/// Hands out classes node by node.
struct Naming<'a> {
    snapshot: &'a Snapshot,
    names: Vec<ClassName>,
    /// The class of each type that decides alone.
    of_type: [u32; 256],
    /// The class of objects and native nodes by the index of their name.
    of_string: Vec<u32>,
    of_detached: HashMap<u32, u32>,
    of_text: HashMap<Vec<u8>, u32>,
}

const NONE: u32 = u32::MAX;

impl<'a> Naming<'a> {
    fn new(snapshot: &'a Snapshot) -> Naming<'a> {
        Naming {
            snapshot,
            names: Vec::new(),
            of_type: [NONE; 256],
            of_string: vec![NONE; snapshot.strings.len()],
            of_detached: HashMap::new(),
            of_text: HashMap::new(),
        }
    }

    fn class_of(&mut self, node: usize) -> u32 {
        let nodes = &self.snapshot.nodes;
        let kind = nodes.kind[node];
        if kind == NodeType::Object as u8 || kind == NodeType::Native as u8 {
            let name = nodes.name[node];
            if kind == NodeType::Native as u8 && self.snapshot.dom_state().is_renamed(node) {
                return self.of_detached_name(name);
            }
            return self.of_name(name);
        }
        if self.of_type[usize::from(kind)] == NONE {
            let text = match NodeType::ALL.get(usize::from(kind)) {
                Some(NodeType::Hidden) => "(system)".to_owned(),
                Some(NodeType::Code) => "(compiled code)".to_owned(),
                Some(NodeType::Closure) => "Function".to_owned(),
                Some(NodeType::Regexp) => "RegExp".to_owned(),
                _ => format!("({})", self.snapshot.node_type_name(kind)),
            };
            self.of_type[usize::from(kind)] = self.text_class(text.into_bytes());
        }
        self.of_type[usize::from(kind)]
    }

    fn of_name(&mut self, name: u32) -> u32 {
        match self.of_string.get(name as usize) {
            None => return self.text_class(Vec::new()),
            Some(&NONE) => {}
            Some(&known) => return known,
        }
        let text = self.snapshot.strings.wtf8(name);
        let class = match element_class(&text) {
            Some(class) => self.text_class(class),
            None => self.new_class(ClassName::String(name)),
        };
        self.of_string[name as usize] = class;
        class
    }

    fn of_detached_name(&mut self, name: u32) -> u32 {
        if let Some(&known) = self.of_detached.get(&name) {
            return known;
        }
        let text = [b"Detached ", &*self.snapshot.strings.wtf8(name)].concat();
        let class = match element_class(&text) {
            Some(class) => self.text_class(class),
            None => self.new_class(ClassName::Detached(name)),
        };
        self.of_detached.insert(name, class);
        class
    }

    fn text_class(&mut self, text: Vec<u8>) -> u32 {
        if let Some(&known) = self.of_text.get(&text) {
            return known;
        }
        let class = self.new_class(ClassName::Text(text.as_slice().into()));
        self.of_text.insert(text, class);
        class
    }

    fn new_class(&mut self, name: ClassName) -> u32 {
        self.names.push(name);
        self.names.len() as u32 - 1
    }
}

/// The class of a DOM element's name: `<div id="a">` is a `<div>`.
fn element_class(name: &[u8]) -> Option<Vec<u8>> {
    let prefix = if name.starts_with(b"<") {
        0
    } else if name.starts_with(b"Detached <") {
        b"Detached <".len()
    } else {
        return None;
    };
    match memchr::memchr(b' ', &name[prefix..]) {
        Some(at) => Some([&name[..prefix + at], b">"].concat()),
        None => Some(name.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::element_class;

    #[test]
    fn elements_lose_their_attributes() {
        let class = |name: &str| {
            element_class(name.as_bytes()).map(|name| String::from_utf8(name).unwrap())
        };
        assert_eq!(class("<div id=\"a\">").as_deref(), Some("<div>"));
        assert_eq!(class("<div>").as_deref(), Some("<div>"));
        assert_eq!(
            class("Detached <p class=x>").as_deref(),
            Some("Detached <p>")
        );
        assert_eq!(class("Detached <p>").as_deref(), Some("Detached <p>"));
        assert_eq!(class("Detached Window"), None);
        assert_eq!(class("Object"), None);
    }
}
