//! Interfaces: names such as `{id, name}` for plain objects.
//!
//! Every plain object proposes its property names, in edge order and up to 120 characters. Proposals
//! that at least two objects and one in a thousand share become interfaces. An object then belongs
//! to the interface with the most properties that are all its own; the more popular one first.
//!
//! Source: `inferInterfaceDefinitions` and `applyInterfaceDefinitions` in DevTools' `HeapSnapshot.ts`. Oracle:
//! `interfaces_are_those_that_objects_share` in `src/tests/naive.rs`.

use std::cmp::Reverse;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::format::EdgeType;
use crate::graph::Snapshot;
use crate::strings::utf16_length;

/// The longest interface name; one property always fits.
const MAX_NAME_LENGTH: usize = 120;
/// An interface needs this many objects, and one in [`OBJECTS_PER_INTERFACE`].
const MIN_OBJECTS: usize = 2;
const OBJECTS_PER_INTERFACE: f64 = 1000.0;

/// Gives each of the `plain` objects the class of its interface; `new_class` names a class.
///
/// Complexity: the edges of plain objects, then per distinct list of properties the interfaces that
/// share its rarest property.
pub(super) fn apply(
    snapshot: &Snapshot,
    plain: &[u32],
    of_node: &mut [u32],
    mut new_class: impl FnMut(&[u8]) -> u32,
) {
    let mut shapes = Shapes::default();
    let shape_of: Vec<u32> = plain
        .iter()
        .map(|&node| shapes.of(snapshot, node as usize))
        .collect();
    let definitions = infer(snapshot, &shapes, plain.len());
    if definitions.is_empty() {
        return;
    }
    let best = Matcher::new(&definitions).match_all(snapshot, &shapes);
    let mut class_of = vec![None; definitions.len()];
    for (&node, &shape) in plain.iter().zip(&shape_of) {
        if let Some(definition) = best[shape as usize] {
            let class = class_of[definition]
                .get_or_insert_with(|| new_class(&definitions[definition].name));
            of_node[node as usize] = *class;
        }
    }
}

/// The distinct lists of property names, in order of first appearance.
#[derive(Default)]
struct Shapes {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// String indexes of all lists, end to end.
    names: Vec<u32>,
    ends: Vec<usize>,
    /// Objects that have each list.
    objects: Vec<usize>,
}

impl Shapes {
    fn properties(&self, shape: usize) -> &[u32] {
        let start = shape.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.names[start..self.ends[shape]]
    }

    fn of(&mut self, snapshot: &Snapshot, node: usize) -> u32 {
        let start = self.names.len();
        for edge in snapshot.nodes.edges_of(node) {
            let (kind, name) = snapshot.edges.label(edge);
            if kind == EdgeType::Property as u8 {
                self.names.push(name);
            }
        }
        let (known, list) = self.names.split_at(start);
        let ends = &self.ends;
        let same = |&shape: &u32| {
            let shape = shape as usize;
            let start = shape.checked_sub(1).map_or(0, |before| ends[before]);
            known[start..ends[shape]] == *list
        };
        let hash = self.hasher.hash_one(list);
        if let Some(&shape) = self.table.find(hash, same) {
            self.names.truncate(start);
            self.objects[shape as usize] += 1;
            return shape;
        }
        let shape = self.ends.len() as u32;
        self.ends.push(self.names.len());
        self.objects.push(1);
        let (names, ends, hasher) = (&self.names, &self.ends, &self.hasher);
        self.table.insert_unique(hash, shape, |&shape| {
            let shape = shape as usize;
            let start = shape.checked_sub(1).map_or(0, |before| ends[before]);
            hasher.hash_one(&names[start..ends[shape]])
        });
        shape
    }
}

struct Definition {
    name: Vec<u8>,
    properties: Vec<Vec<u8>>,
    objects: usize,
}

/// The proposals that are popular enough, most popular first.
fn infer(snapshot: &Snapshot, shapes: &Shapes, total: usize) -> Vec<Definition> {
    let mut by_name: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut definitions: Vec<Definition> = Vec::new();
    for shape in 0..shapes.ends.len() {
        let Some((name, properties)) = propose(snapshot, shapes.properties(shape)) else {
            continue;
        };
        let at = *by_name.entry(name.clone()).or_insert_with(|| {
            definitions.push(Definition {
                name,
                properties,
                objects: 0,
            });
            definitions.len() - 1
        });
        definitions[at].objects += shapes.objects[shape];
    }
    definitions.sort_by_key(|definition| Reverse(definition.objects));
    let least = (total as f64 / OBJECTS_PER_INTERFACE).max(MIN_OBJECTS as f64);
    definitions.retain(|definition| definition.objects as f64 >= least);
    definitions
}

/// The interface an object with these properties would have: its name and the properties in it.
fn propose(snapshot: &Snapshot, names: &[u32]) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let (mut name, mut length) = (b"{".to_vec(), 1);
    let mut properties = Vec::new();
    for &index in names {
        let property = snapshot.strings.wtf8(index);
        if *property == *b"__proto__" {
            continue;
        }
        let shown = property_name(&property);
        let shown_length = utf16_length(&shown);
        if length > 1 && length + shown_length > MAX_NAME_LENGTH {
            break;
        }
        if length > 1 {
            name.extend_from_slice(b", ");
            length += 2;
        }
        name.extend_from_slice(&shown);
        length += shown_length;
        properties.push(property.into_owned());
    }
    name.push(b'}');
    (!properties.is_empty()).then_some((name, properties))
}

/// A property's name, quoted as JSON if it holds anything that could confuse.
pub(crate) fn property_name(name: &[u8]) -> Vec<u8> {
    if !name.iter().any(|byte| b",'\"{}".contains(byte)) {
        return name.to_vec();
    }
    let mut out = vec![b'"'];
    let mut rest = name;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            // A lone surrogate's three bytes.
            0xed if after.first().is_some_and(|&next| next >= 0xa0) && after.len() >= 2 => {
                let unit = 0xd000 | u32::from(after[0] & 0x3f) << 6 | u32::from(after[1] & 0x3f);
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                rest = &after[2..];
            }
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
    out
}

/// Finds the best interface for lists of properties.
struct Matcher<'a> {
    /// Small numbers for the properties that any interface has.
    numbers: HashMap<&'a [u8], u32>,
    /// The properties of each interface as sorted numbers.
    lists: Vec<Vec<u32>>,
    /// The interfaces by their rarest property.
    by_rarest: Vec<Vec<usize>>,
}

impl<'a> Matcher<'a> {
    fn new(definitions: &'a [Definition]) -> Matcher<'a> {
        let mut numbers: HashMap<&[u8], u32> = HashMap::new();
        let mut uses: Vec<usize> = Vec::new();
        let mut lists = Vec::new();
        for definition in definitions {
            let mut list = Vec::new();
            for property in &definition.properties {
                let next = numbers.len() as u32;
                let number = *numbers.entry(property).or_insert(next);
                uses.resize(numbers.len(), 0);
                uses[number as usize] += 1;
                list.push(number);
            }
            list.sort_unstable();
            lists.push(list);
        }
        let mut by_rarest = vec![Vec::new(); numbers.len()];
        for (at, list) in lists.iter().enumerate() {
            let rarest = list.iter().min_by_key(|&&number| uses[number as usize]);
            by_rarest[rarest.map_or(0, |&number| number as usize)].push(at);
        }
        Matcher {
            numbers,
            lists,
            by_rarest,
        }
    }

    fn match_all(&self, snapshot: &Snapshot, shapes: &Shapes) -> Vec<Option<usize>> {
        // The number of each string index, looked up once.
        let mut known: HashMap<u32, Option<u32>> = HashMap::new();
        let mut has = vec![0_u32; self.numbers.len()];
        let mut own = Vec::new();
        (0..shapes.ends.len())
            .map(|shape| {
                own.clear();
                for &index in shapes.properties(shape) {
                    let number = *known.entry(index).or_insert_with(|| {
                        self.numbers.get(&*snapshot.strings.wtf8(index)).copied()
                    });
                    own.extend(number);
                }
                for &number in &own {
                    has[number as usize] += 1;
                }
                let best = self.best(&own, &has);
                for &number in &own {
                    has[number as usize] = 0;
                }
                best
            })
            .collect()
    }

    fn best(&self, own: &[u32], has: &[u32]) -> Option<usize> {
        let mut best: Option<(usize, Reverse<usize>)> = None;
        for &number in own {
            for &at in &self.by_rarest[number as usize] {
                let rank = (self.lists[at].len(), Reverse(at));
                if best.is_none_or(|best| rank > best) && is_subset(&self.lists[at], has) {
                    best = Some(rank);
                }
            }
        }
        best.map(|(_, Reverse(at))| at)
    }
}

/// Whether each number of the sorted `list` is there as often as the list has it.
fn is_subset(list: &[u32], has: &[u32]) -> bool {
    list.chunk_by(|a, b| a == b)
        .all(|same| has[same[0] as usize] as usize >= same.len())
}

#[cfg(test)]
mod tests {
    use super::property_name;

    #[test]
    fn confusing_property_names_are_quoted() {
        let shown = |name: &str| String::from_utf8(property_name(name.as_bytes())).unwrap();
        assert_eq!(shown("plain name"), "plain name");
        assert_eq!(shown("a,b"), "\"a,b\"");
        assert_eq!(shown("it's \"\\\n\u{1}"), "\"it's \\\"\\\\\\n\\u0001\"");
        assert_eq!(
            property_name(b"{\xed\xa0\x80\xc3\xa9"),
            b"\"{\\ud800\xc3\xa9\""
        );
    }
}
