//! The shadow model: the graph as a program built it, in plain Rust.

use super::{REGISTERS, Reg};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Number of an object in the model, for life.
pub(super) type Id = usize;

/// What a slot or register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Val {
    Undefined,
    Int(i32),
    Ref(Id),
}

/// Classes of the objects with named slots: their number of slots and of raw bytes.
pub(super) const CLASSES: [(&str, &[&str], usize); 4] = [
    ("Empty", &[], 0),
    ("Single", &["value"], 8),
    ("Node", &["left", "right"], 0),
    ("Wide", &["a", "b", "c", "d", "e", "f", "g"], 24),
];
/// The class of [`super::Op::Node`] and of lists.
pub(super) const NODE: usize = 2;

#[derive(Clone, Debug)]
pub(super) enum Content {
    Object {
        class: usize,
        slots: Vec<Val>,
        raw: Vec<u8>,
    },
    Array(Vec<Val>),
    Context(Vec<Val>),
    Closure(Vec<Val>),
    Text(String),
    Number(f64),
    Bytes(Vec<u8>),
    Map(ModelMap),
    Deque(VecDeque<Val>),
    External {
        bytes: usize,
    },
    /// The target, until it was found cleared.
    WeakRef(Option<Id>),
    /// Values by key.
    WeakMap(BTreeMap<Id, Val>),
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    /// Id of the object in snapshots, once known.
    pub(super) identity: Option<u32>,
}

/// A key as JavaScript's `Map` compares it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Undefined,
    Text(String),
    /// Bits of a double; one zero, one `NaN`.
    Number(u64),
    Object(Id),
}

/// Entries in insertion order; removed ones leave a gap.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelMap {
    pub(super) entries: Vec<Option<(Val, Val)>>,
    places: HashMap<Key, usize>,
}

impl ModelMap {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get(&self, key: &Key) -> Option<Val> {
        let place = *self.places.get(key)?;
        self.entries[place].map(|(_, value)| value)
    }

    pub(super) fn set(&mut self, key: Key, stored: Val, value: Val) {
        match self.places.get(&key) {
            Some(&place) => {
                if let Some(entry) = &mut self.entries[place] {
                    entry.1 = value;
                }
            }
            None => {
                self.places.insert(key, self.entries.len());
                self.entries.push(Some((stored, value)));
            }
        }
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Val> {
        let place = self.places.remove(key)?;
        self.entries[place].take().map(|(_, value)| value)
    }
}

/// Registers and objects.
#[derive(Debug, Default)]
pub(super) struct Model {
    registers: [Option<Val>; REGISTERS],
    /// Dropped ones are `None`: numbers are not given twice.
    nodes: Vec<Option<Node>>,
    /// What had to be alive when the model was last pruned.
    alive: Vec<bool>,
}

impl Model {
    pub(super) fn get(&self, reg: Reg) -> Val {
        self.registers[reg.0 as usize % REGISTERS].unwrap_or(Val::Undefined)
    }

    pub(super) fn set(&mut self, reg: Reg, value: Val) {
        self.registers[reg.0 as usize % REGISTERS] = Some(value);
    }

    pub(super) fn registers(&self) -> impl Iterator<Item = (Reg, Val)> + '_ {
        (0..REGISTERS as u8).map(|r| (Reg(r), self.get(Reg(r))))
    }

    pub(super) fn add(&mut self, content: Content) -> Val {
        self.nodes.push(Some(Node {
            content,
            identity: None,
        }));
        Val::Ref(self.nodes.len() - 1)
    }

    /// Objects ever made.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// An object that is reachable, so it is there.
    pub(super) fn node(&self, id: Id) -> &Node {
        match &self.nodes[id] {
            Some(node) => node,
            None => unreachable!("object {id} was reachable after it had been dropped"),
        }
    }

    pub(super) fn node_mut(&mut self, id: Id) -> &mut Node {
        match &mut self.nodes[id] {
            Some(node) => node,
            None => unreachable!("object {id} was reachable after it had been dropped"),
        }
    }

    /// The object that a register refers to.
    pub(super) fn object(&self, reg: Reg) -> Option<(Id, &Content)> {
        match self.get(reg) {
            Val::Ref(id) => Some((id, &self.node(id).content)),
            _ => None,
        }
    }

    pub(super) fn content_mut(&mut self, reg: Reg) -> Option<&mut Content> {
        match self.get(reg) {
            Val::Ref(id) => Some(&mut self.node_mut(id).content),
            _ => None,
        }
    }

    /// The slots that a program may read and write by index.
    pub(super) fn slots(&self, reg: Reg) -> Option<&[Val]> {
        match self.object(reg)?.1 {
            Content::Object { slots, .. }
            | Content::Array(slots)
            | Content::Context(slots)
            | Content::Closure(slots) => Some(slots),
            _ => None,
        }
    }

    pub(super) fn slots_mut(&mut self, reg: Reg) -> Option<&mut Vec<Val>> {
        match self.content_mut(reg)? {
            Content::Object { slots, .. }
            | Content::Array(slots)
            | Content::Context(slots)
            | Content::Closure(slots) => Some(slots),
            _ => None,
        }
    }

    pub(super) fn map(&self, reg: Reg) -> Option<&ModelMap> {
        match self.object(reg)?.1 {
            Content::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn map_mut(&mut self, reg: Reg) -> Option<&mut ModelMap> {
        match self.content_mut(reg)? {
            Content::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn weak_map(&self, reg: Reg) -> Option<(Id, &BTreeMap<Id, Val>)> {
        match self.object(reg)? {
            (id, Content::WeakMap(entries)) => Some((id, entries)),
            _ => None,
        }
    }

    pub(super) fn weak_map_mut(&mut self, reg: Reg) -> Option<&mut BTreeMap<Id, Val>> {
        match self.content_mut(reg)? {
            Content::WeakMap(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn deque_mut(&mut self, reg: Reg) -> Option<&mut VecDeque<Val>> {
        match self.content_mut(reg)? {
            Content::Deque(deque) => Some(deque),
            _ => None,
        }
    }

    /// The key that a value is for a map.
    pub(super) fn key(&self, value: Val) -> Key {
        let number = |n: f64| {
            Key::Number(if n == 0.0 {
                0
            } else if n.is_nan() {
                f64::NAN.to_bits()
            } else {
                n.to_bits()
            })
        };
        match value {
            Val::Undefined => Key::Undefined,
            Val::Int(n) => number(f64::from(n)),
            Val::Ref(id) => match &self.node(id).content {
                Content::Text(text) => Key::Text(text.clone()),
                Content::Number(n) => number(*n),
                _ => Key::Object(id),
            },
        }
    }

    /// Everything that an object refers to.
    pub(super) fn references(content: &Content) -> Vec<Id> {
        let mut ids = Vec::new();
        let mut add = |value: &Val| {
            if let Val::Ref(id) = value {
                ids.push(*id);
            }
        };
        match content {
            Content::Object { slots, .. }
            | Content::Array(slots)
            | Content::Context(slots)
            | Content::Closure(slots) => slots.iter().for_each(add),
            Content::Deque(values) => values.iter().for_each(add),
            Content::Map(map) => map.entries.iter().flatten().for_each(|(key, value)| {
                add(key);
                add(value);
            }),
            Content::Text(_)
            | Content::Number(_)
            | Content::Bytes(_)
            | Content::External { .. }
            | Content::WeakRef(_)
            | Content::WeakMap(_) => {}
        }
        ids
    }

    /// What an object refers to weakly: it may be alive as long as this object is.
    fn weak_references(content: &Content) -> Vec<Id> {
        match content {
            Content::WeakRef(target) => target.iter().copied().collect(),
            Content::WeakMap(entries) => entries
                .iter()
                .flat_map(|(&key, &value)| match value {
                    Val::Ref(id) => vec![key, id],
                    _ => vec![key],
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Objects that the registers reach, in order of discovery: those that must be alive. Values of ephemerons
    /// are reached if their table and key are.
    pub(super) fn reachable(&self) -> Vec<Id> {
        let mut search = Search::new(self);
        loop {
            search.run(Self::references);
            let tables = search.order.clone();
            let before = search.order.len();
            for id in tables {
                if let Content::WeakMap(entries) = &self.node(id).content {
                    for (&key, &value) in entries {
                        if search.seen[key] {
                            search.reach(value);
                        }
                    }
                }
            }
            if search.order.len() == before {
                return search.order;
            }
        }
    }

    /// Forgets the objects that not even weak references reach; returns those that must be alive.
    pub(super) fn prune(&mut self) -> Vec<Id> {
        let mut search = Search::new(self);
        search.run(|content| {
            let mut ids = Self::references(content);
            ids.extend(Self::weak_references(content));
            ids
        });
        let kept = search.seen;
        for (node, kept) in self.nodes.iter_mut().zip(kept) {
            if !kept {
                *node = None;
            }
        }
        let reachable = self.reachable();
        self.alive = vec![false; self.nodes.len()];
        for &id in &reachable {
            self.alive[id] = true;
        }
        reachable
    }

    /// Whether an object had to be alive when the model was last pruned.
    pub(super) fn was_alive(&self, id: Id) -> bool {
        self.alive.get(id).is_some_and(|&alive| alive)
    }
}

/// A search through the model from its registers.
struct Search<'m> {
    model: &'m Model,
    seen: Vec<bool>,
    order: Vec<Id>,
    next: usize,
}

impl<'m> Search<'m> {
    fn new(model: &'m Model) -> Self {
        let mut search = Self {
            model,
            seen: vec![false; model.nodes.len()],
            order: Vec::new(),
            next: 0,
        };
        for (_, value) in model.registers() {
            search.reach(value);
        }
        search
    }

    fn reach(&mut self, value: Val) {
        if let Val::Ref(id) = value
            && !std::mem::replace(&mut self.seen[id], true)
        {
            self.order.push(id);
        }
    }

    fn run(&mut self, references: impl Fn(&Content) -> Vec<Id>) {
        while self.next < self.order.len() {
            for id in references(&self.model.node(self.order[self.next]).content) {
                self.reach(Val::Ref(id));
            }
            self.next += 1;
        }
    }
}
