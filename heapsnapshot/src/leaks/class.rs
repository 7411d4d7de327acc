//! What items are counted by: a class that is the same in every snapshot.

use crate::format::NodeType;
use crate::graph::{NodeRef, Snapshot};

/// A class as the last snapshot writes it: a node's type, and its name where the name is no data.
///
/// DevTools' class, but closures are told apart by their function, since listeners of one kind are one function made
/// again and again, and all plain objects are one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ItemClass {
    kind: u8,
    /// Index of the name in the strings, or [`UNNAMED`].
    name: u32,
}

const UNNAMED: u32 = u32::MAX;

impl ItemClass {
    /// The class of a node of the last snapshot.
    pub(super) fn of(snapshot: &Snapshot, node: usize) -> ItemClass {
        let kind = snapshot.nodes.kind[node];
        let named = [
            NodeType::Object,
            NodeType::Native,
            NodeType::Closure,
            NodeType::Regexp,
        ];
        let name = if named.iter().any(|&named| kind == named as u8) {
            snapshot.nodes.name[node]
        } else {
            UNNAMED
        };
        ItemClass { kind, name }
    }

    /// Whether it is an object of the program, not a text, a number or the like.
    pub(super) fn is_object(self) -> bool {
        self.name != UNNAMED
    }

    /// The class's name, of which `sample` is one.
    pub(super) fn text(sample: NodeRef<'_>) -> String {
        match sample.kind() {
            Some(NodeType::Closure) if sample.name().is_empty() => {
                "function (anonymous)".to_owned()
            }
            Some(NodeType::Closure) => format!("function {}", sample.name()),
            // Only plain objects and elements have a class that is not their name; asking for it names all nodes.
            Some(NodeType::Object) if sample.name() != "Object" && !sample.name().contains('<') => {
                sample.name().into_owned()
            }
            _ => sample.class_name().into_owned(),
        }
    }
}

/// The same class in another snapshot, whose strings have other numbers.
pub(super) struct Matcher<'a> {
    class: ItemClass,
    name: Option<&'a [u8]>,
    snapshot: &'a Snapshot,
    /// The last name that was compared, and what came of it.
    known: Option<(u32, bool)>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(class: ItemClass, last: &'a Snapshot, snapshot: &'a Snapshot) -> Self {
        let name = class
            .is_object()
            .then(|| last.strings().escaped(class.name))
            .flatten();
        Matcher {
            class,
            name,
            snapshot,
            known: None,
        }
    }

    pub(super) fn matches(&mut self, node: usize) -> bool {
        let class = ItemClass::of(self.snapshot, node);
        if class.kind != self.class.kind {
            return false;
        }
        match self.known {
            Some((name, equal)) if name == class.name => equal,
            _ => {
                let equal = match self.name {
                    Some(name) => self.snapshot.strings().escaped(class.name) == Some(name),
                    None => true,
                };
                self.known = Some((class.name, equal));
                equal
            }
        }
    }
}
