//! What is said of nodes, edges and paths, against a table of everything there is to say: the forms are looked up by the
//! names of the types and filled in from the list that the file was written from. Nothing else is computed.

use super::{Builder, Random};
use crate::analysis::words;
use crate::{EdgeRef, Snapshot};

const GRAPHS: usize = 300;

/// Who an edge belongs to, as far as its form depends on it.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Groups,
    /// The table with the id that the names of WeakMap entries tell.
    Table,
    Others,
    All,
}

/// Type of the edge, its name if the form is only for that, whose edge it is, and the form; the first that fits.
const FORMS: [(&str, &str, From, &str); 31] = [
    ("context", "", From::All, "captured variable `{name}`{of}"),
    ("property", "__proto__", From::All, "prototype of `{owner}`"),
    ("property", "", From::Groups, "global object `{name}`"),
    ("shortcut", "", From::Groups, "global object `{name}`"),
    (
        "property",
        "",
        From::Others,
        "property `{name}` of `{owner}`",
    ),
    (
        "shortcut",
        "",
        From::Others,
        "property `{name}` of `{owner}`",
    ),
    ("element", "", From::Groups, "{group}"),
    ("element", "", From::Others, "element {name} of `{owner}`"),
    (
        "weak",
        "",
        From::All,
        "weak reference `{name}` of `{owner}`",
    ),
    ("hidden", "", From::All, "internal reference of `{owner}`"),
    (
        "internal",
        ENTRY,
        From::Table,
        "value of a WeakMap entry in `{owner}`, as long as its key lives",
    ),
    (
        "internal",
        ENTRY,
        From::All,
        "value of a WeakMap entry (table @9), kept by its key `{owner}`",
    ),
    (
        "internal",
        "7 / part of key (K @3) -> value",
        From::All,
        "value of a WeakMap entry, kept by its key `{owner}`",
    ),
    ("internal", "", From::Groups, "{group} ({name})"),
    ("internal", "table", From::Others, "entries of `{owner}`"),
    (
        "internal",
        "elements",
        From::Others,
        "elements of `{owner}`",
    ),
    (
        "internal",
        "properties",
        From::Others,
        "properties of `{owner}`",
    ),
    ("internal", "context", From::Others, "scope of `{owner}`"),
    ("internal", "previous", From::Others, "outer scope"),
    ("internal", "map", From::Others, "hidden class of `{owner}`"),
    ("internal", "code", From::Others, "code of `{owner}`"),
    ("internal", "shared", From::Others, "code of `{owner}`"),
    (
        "internal",
        "feedback_cell",
        From::Others,
        "code of `{owner}`",
    ),
    (
        "internal",
        "backing_store",
        From::Others,
        "memory of `{owner}`",
    ),
    ("internal", "0", From::Others, "slot {name} of `{owner}`"),
    ("internal", "17", From::Others, "slot {name} of `{owner}`"),
    (
        "internal",
        "-1",
        From::Others,
        "internal field `{name}` of `{owner}`",
    ),
    (
        "internal",
        "1 / part of map",
        From::Others,
        "internal field `{name}` of `{owner}`",
    ),
    (
        "internal",
        LONG,
        From::Others,
        "internal field `{name}` of `{owner}`",
    ),
    (
        "internal",
        "",
        From::Others,
        "internal field `{name}` of `{owner}`",
    ),
    ("", "", From::All, "{type} `{name}` of `{owner}`"),
];

/// Groups of roots, and what is said of them.
const GROUPS: [(&str, &str); 8] = [
    ("(Stack roots)", "a variable of a running function (stack)"),
    (
        "(Handle scope)",
        "a local handle of native code (handle scope)",
    ),
    ("(Global handles)", "a global handle of native code"),
    ("(Builtins)", "the engine itself (Builtins)"),
    ("(Strong root list)", "the engine itself (Strong root list)"),
    ("(GC roots)", "the roots"),
    ("(Eternal handles)", "root group (Eternal handles)"),
    ("Window", "root group Window"),
];

/// Type of a node, how it is shown, and how without a name.
const CELLS: [(&str, &str, &str); 16] = [
    ("hidden", "{name}", "(hidden)"),
    ("array", "{name}[]", "(internal array)[]"),
    ("string", "\"{name}\"", "\"\""),
    ("object", "{name}", "(object)"),
    ("code", "{name}", "(code)"),
    ("closure", "{name}()", "(anonymous)()"),
    ("regexp", "/{name}/", "//"),
    ("number", "{name}", "(number)"),
    ("native", "{name}", "(native)"),
    ("synthetic", "{name}", "(synthetic)"),
    ("concatenated string", "\"{text}\"", "\"{text}\""),
    ("sliced string", "\"{name}\"", "\"\""),
    ("symbol", "{name}", "(symbol)"),
    ("bigint", "{name}", "(bigint)"),
    ("object shape", "{name}", "(object shape)"),
    ("wasm object", "{name}", "(wasm object)"),
];

const ENTRY: &str = "7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @9)";
const LONG: &str =
    "a name — naïve, but of more than sixty letters — that is longer than anybody wants to read";
const CONTEXTS: [&str; 2] = ["system / Context", "system / Context / setup"];

/// A graph of every type of nodes and edges, with names that forms are for.
fn talkative_graph(random: &mut Random) -> Builder {
    let mut graph = Builder::new();
    let names = [
        "",
        "A",
        "Object",
        LONG,
        CONTEXTS[0],
        CONTEXTS[1],
        "system / Map",
        "Array",
    ];
    for at in 0..2 + random.below(24) {
        let (kind, ..) = CELLS[random.below(CELLS.len())];
        let name = match kind {
            "synthetic" => GROUPS[random.below(GROUPS.len())].0,
            _ => names[random.below(names.len())],
        };
        // Closures and contexts are what most forms are about.
        let (kind, name) = match random.below(4) {
            0 => ("closure", ["", "onTick", LONG][random.below(3)]),
            1 => ("object", CONTEXTS[random.below(2)]),
            _ => (kind, name),
        };
        graph.node(kind, name, 2 * at as u32 + 3, 8);
    }
    let count = graph.nodes.len();
    for _ in 0..3 * count {
        let (from, to) = (random.below(count), random.below(count));
        // A rope's parts are texts: what else would be put together from nodes in a circle.
        if graph.nodes[from].0 == "concatenated string" {
            continue;
        }
        let (kind, name, ..) = FORMS[random.below(FORMS.len() - 1)];
        let number = random.below(99).to_string();
        let name = match kind {
            "element" | "hidden" => &number,
            _ if !name.is_empty() => name,
            _ => ["a", "key", LONG, "__proto__"][random.below(4)],
        };
        graph.edge(from, kind, name, to);
    }
    let is_rope = |node: &usize| graph.nodes[*node].0 == "concatenated string";
    for rope in (0..count).filter(is_rope).collect::<Vec<_>>() {
        for part in ["first", "second"] {
            let id = graph.nodes.len() as u32 * 2 + 3;
            let text = graph.node("string", [LONG, "so much"][random.below(2)], id, 8);
            graph.edge(rope, "internal", part, text);
        }
    }
    graph
}

/// The list that a file was written from, and the file's nodes for what is judged elsewhere: class names.
struct Oracle<'a> {
    graph: &'a Builder,
    snapshot: &'a Snapshot,
}

fn cut(text: &str) -> String {
    match text.chars().count() {
        0..=60 => text.to_owned(),
        _ => text.chars().take(60).collect::<String>() + "…",
    }
}

impl Oracle<'_> {
    fn kind(&self, node: usize) -> &str {
        &self.graph.nodes[node].0
    }

    fn name(&self, node: usize) -> &str {
        &self.graph.nodes[node].1
    }

    fn is_context(&self, node: usize) -> bool {
        CONTEXTS.contains(&self.name(node))
    }

    fn is_plumbing(&self, node: usize) -> bool {
        match self.kind(node) {
            "array" | "code" | "object shape" => true,
            "hidden" => !self.is_context(node),
            "object" => self.name(node) == "system / Map",
            _ => false,
        }
    }

    fn node(&self, node: usize) -> String {
        let cell = CELLS.iter().find(|(kind, ..)| *kind == self.kind(node));
        let (kind, named, unnamed) = cell.expect("a type");
        let form = match self.name(node) {
            "" => unnamed,
            _ => named,
        };
        let part = |part: &str| {
            let edges = &self.graph.edges;
            let edge = edges.iter().find(|edge| edge.0 == node && edge.2 == part);
            edge.map_or("", |edge| self.name(edge.3))
        };
        let name = match (*kind, self.name(node)) {
            ("object", "Object") => self.snapshot.at(node).class_name().into_owned(),
            (_, name) => name.to_owned(),
        };
        let text = part("first").to_owned() + part("second");
        form.replace("{name}", &cut(&name))
            .replace("{text}", &cut(&text))
    }

    /// The function that a context is of: its name says it, or a closure, the first one that has a name.
    fn function(&self, context: usize) -> Option<&str> {
        if let Some(name) = self.name(context).strip_prefix("system / Context / ") {
            return Some(name);
        }
        let refers = |closure: &usize| {
            let mut edges = self.graph.edges.iter();
            edges.any(|(from, kind, name, to)| {
                (*from, *to) == (*closure, context) && kind == "internal" && name == "context"
            })
        };
        let named = |node: &usize| self.kind(*node) == "closure" && !self.name(*node).is_empty();
        let mut nodes = 0..self.graph.nodes.len();
        nodes
            .find(|node| named(node) && refers(node))
            .map(|closure| self.name(closure))
    }

    fn group(name: &str) -> &str {
        let known = GROUPS.iter().find(|(group, _)| *group == name);
        known.map_or("the roots", |(_, words)| words)
    }

    fn edge(&self, edge: &(usize, String, String, usize)) -> String {
        let (from, kind, name, _) = edge;
        let is_group = self.kind(*from) == "synthetic";
        let fits = |(of, only, whose, _): &&(&str, &str, From, &str)| {
            (of == kind || of.is_empty())
                && (only == name || only.is_empty())
                && match whose {
                    From::Groups => is_group,
                    From::Table => self.graph.nodes[*from].2 == 9,
                    From::Others => !is_group,
                    From::All => true,
                }
        };
        let (.., form) = FORMS.iter().find(fits).expect("a form for everything");
        let of = match self.function(*from) {
            Some(function) => format!(" of closure `{function}`"),
            None => String::new(),
        };
        form.replace("{of}", &of)
            .replace("{name}", &cut(name))
            .replace("{owner}", &self.node(*from))
            .replace("{group}", Self::group(self.name(*from)))
    }

    /// The sentence up to the owner, of edges that programs name.
    fn label(&self, edge: &(usize, String, String, usize)) -> Option<String> {
        let (from, kind, name, _) = edge;
        match kind.as_str() {
            _ if self.kind(*from) == "synthetic" => None,
            "context" => Some(self.edge(edge)),
            "property" | "shortcut" => Some(format!("property `{}`", cut(name))),
            "element" => Some(format!("element {name}")),
            _ => None,
        }
    }

    /// The steps that an edge adds to a path.
    fn steps(&self, edge: &(usize, String, String, usize)) -> Vec<String> {
        let (from, .., to) = edge;
        let mut steps = Vec::new();
        if self.kind(*to) == "synthetic" {
            return steps;
        }
        if self.kind(*from) == "synthetic" && self.name(*from).starts_with('(') {
            steps.push(Self::group(self.name(*from)).to_owned());
        }
        if !self.is_plumbing(*to) && !self.is_context(*to) {
            let label = self.label(edge).map(|label| label + ": ");
            steps.push(label.unwrap_or_default() + &self.node(*to));
        }
        steps
    }
}

/// The edges of the list in the order of the file: by source.
fn in_file_order(graph: &Builder) -> Vec<&(usize, String, String, usize)> {
    let mut edges: Vec<_> = graph.edges.iter().collect();
    edges.sort_by_key(|edge| edge.0);
    edges
}

#[test]
fn everything_is_said_as_the_table_has_it() {
    let mut random = Random(0x3a1d);
    let mut said = std::collections::HashSet::new();
    for round in 0..GRAPHS {
        let graph = talkative_graph(&mut random);
        let snapshot = graph.read();
        // The function of a context is looked for in two ways.
        if round % 2 == 0 {
            let _ = snapshot.root().retainers().len();
        }
        let oracle = Oracle {
            graph: &graph,
            snapshot: &snapshot,
        };
        for (at, node) in snapshot.nodes().enumerate() {
            assert_eq!(words::node(node), oracle.node(at));
            assert_eq!(words::is_context(node), oracle.is_context(at));
            assert_eq!(words::is_plumbing(node), oracle.is_plumbing(at));
        }
        let edges: Vec<EdgeRef<'_>> = snapshot.nodes().flat_map(|node| node.edges()).collect();
        let listed = in_file_order(&graph);
        assert_eq!(edges.len(), listed.len());
        for (&edge, listed) in edges.iter().zip(&listed) {
            let sentence = words::edge(edge);
            assert_eq!(sentence, oracle.edge(listed), "{listed:?} of {graph:?}");
            assert_eq!(words::label(edge), oracle.label(listed), "{listed:?}");
            said.insert(sentence);
        }
        // Any walk is a path, and any list of edges is put into words.
        for _ in 0..4 {
            let mut walk = Vec::new();
            for _ in 0..random.below(12) {
                let edge = random.below(edges.len());
                walk.extend(vec![edge; 1 + random.below(3)]);
            }
            let mut steps: Vec<(String, usize)> = Vec::new();
            for step in walk.iter().flat_map(|&edge| oracle.steps(listed[edge])) {
                // Only what a list is made of is counted, and no list is made of roots.
                let is_root = GROUPS.iter().any(|(_, words)| *words == step);
                match steps.last_mut() {
                    Some((last, count)) if *last == step && !is_root => *count += 1,
                    _ => steps.push((step, 1)),
                }
            }
            let parts = steps.into_iter().map(|(step, count)| match count {
                1 => step,
                _ => format!("{step} (× {count})"),
            });
            let expected: Vec<String> = parts.collect();
            let path = words::path(walk.iter().map(|&edge| edges[edge]));
            assert_eq!(path, expected.join(" → "), "{walk:?} of {graph:?}");
        }
    }
    for (.., form) in &FORMS[..FORMS.len() - 1] {
        let parts: Vec<&str> = form.split(['{', '}']).step_by(2).collect();
        let fits = |sentence: &&String| {
            sentence.starts_with(parts[0]) && parts.iter().all(|part| sentence.contains(part))
        };
        assert!(said.iter().any(|sentence| fits(&sentence)), "{form}");
    }
}

/// Numbers are read back from what is said.
#[test]
fn numbers_are_read_back() {
    let mut random = Random(0x2b17);
    let mut numbers: Vec<u64> = (0..20)
        .flat_map(|power| {
            let power = 10_u64.pow(power);
            [power - 1, power, power + 1]
        })
        .collect();
    numbers.extend((0..2000).map(|_| random.below(usize::MAX) as u64 >> random.below(64)));
    for number in numbers {
        let said = words::count(number);
        assert_eq!(said.replace(',', "").parse(), Ok(number), "{said}");
        let groups: Vec<&str> = said.split(',').collect();
        assert!(matches!(groups[0].len(), 1..=3), "{said}");
        assert!(groups[1..].iter().all(|group| group.len() == 3), "{said}");

        let said = words::bytes(number);
        let (value, unit) = said.split_once(' ').expect("a unit");
        let (unit, digit) = match unit {
            "B" => (1.0, 1.0),
            "kB" => (1e3, 0.1),
            "MB" => (1e6, 0.1),
            "GB" => (1e9, 0.01),
            _ => panic!("{said}"),
        };
        let value: f64 = value.parse().expect("a number");
        let difference = (value * unit - number as f64).abs();
        // Half of the last digit, and what a float of that size cannot hold.
        let least = 0.5 * digit * unit + number as f64 * f64::EPSILON;
        assert!(difference <= least, "{number} is {said}");
        assert!(unit == 1.0 || number as f64 >= unit, "{number} is {said}");
        assert!(unit == 1e9 || (number as f64) < unit * 1e3, "{said}");
    }
}
