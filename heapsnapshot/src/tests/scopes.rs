//! Which captured variables are used, against a model of an engine: a script of nested functions is run at random, which
//! makes contexts and closures, and what the model knows of them, whose variables they are and who uses them, is never
//! written to the file. What the analysis says must be so; where nothing is doubtful it must say it.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{Builder, Random};
use crate::Snapshot;
use crate::analysis::closures::closures;

const RUNS: usize = 2000;
/// Lines end in every way; some letters take two units.
const LINES: [&str; 6] = [
    "let a = 1\n",
    "\r\n",
    "/* 🦀 */\r",
    "x\u{2028}",
    "\n",
    "b()",
];

/// A scope of the script.
struct Scope {
    parent: usize,
    depth: usize,
    /// Where it begins in the source, in UTF-16 units.
    start: usize,
    variables: Vec<String>,
    /// Scope and slot.
    uses: Vec<(usize, usize)>,
}

/// A scope that is being run, or whose closures are still there.
struct Activation {
    scope: usize,
    /// The nearest context: of its own variables, or of those around it.
    context: Option<usize>,
}

/// A context and what the model knows of it.
struct Context {
    scope: usize,
    outer: Option<usize>,
    node: usize,
    /// Slots with a value that leaves an edge.
    visible: Vec<usize>,
}

struct Model {
    source: String,
    scopes: Vec<Scope>,
    contexts: Vec<Context>,
    /// Of each closure, the scope of its function, its context, and whether the file tells which function it is.
    closures: Vec<(usize, usize, bool)>,
    /// Contexts that a running function holds.
    running: HashSet<usize>,
}

impl Model {
    /// A script. With `doubt`, names are few and scopes begin at one place, functions run, and places are missing.
    fn random(random: &mut Random, doubt: bool) -> Model {
        let source: String = (0..40).map(|_| LINES[random.below(LINES.len())]).collect();
        let mut scopes = vec![Scope {
            parent: 0,
            depth: 0,
            start: 0,
            variables: Vec::new(),
            uses: Vec::new(),
        }];
        let count = 2 + random.below(8);
        for at in 1..count {
            // Inside the scope before it, or inside one around that.
            let mut parent = at - 1;
            while parent != 0 && random.below(3) == 0 {
                parent = scopes[parent].parent;
            }
            let same_place = doubt && parent != 0 && parent == at - 1 && random.below(4) == 0;
            let start = if same_place {
                scopes[parent].start
            } else {
                3 + 7 * at
            };
            let names = ["a", "b", "c"];
            let variables = (0..random.below(4))
                .map(|slot| match doubt {
                    true => names[(slot + at) % 3].to_owned() + &"_".repeat(slot / 3),
                    false => format!("variable_{at}_{slot}"),
                })
                .collect();
            let depth = scopes[parent].depth + 1;
            scopes.push(Scope {
                parent,
                depth,
                start,
                variables,
                uses: Vec::new(),
            });
            for _ in 0..random.below(4) {
                let mut declaring = at;
                while declaring != 0 && random.below(3) > 0 {
                    declaring = scopes[declaring].parent;
                }
                let slots = scopes[declaring].variables.len();
                if slots > 0 {
                    scopes[at].uses.push((declaring, random.below(slots)));
                }
            }
        }
        Model {
            source,
            scopes,
            contexts: Vec::new(),
            closures: Vec::new(),
            running: HashSet::new(),
        }
    }

    /// Runs it: the file's graph, and the closures' places.
    fn run(&mut self, random: &mut Random, doubt: bool) -> (Builder, Vec<(usize, usize)>, usize) {
        let mut graph = Builder::new();
        let script = graph.node("code", "system / Script", 3, 96);
        let source = graph.node("string", &self.source, 5, 400);
        graph.edge(script, "internal", "source", source);
        let value = graph.node("object", "Value", 7, 16);
        let stack = graph.node("synthetic", "(Stack roots)", 9, 0);
        graph.edge(0, "element", "1", stack);
        let mut activations = vec![Activation {
            scope: 0,
            context: None,
        }];
        let mut places = Vec::new();
        for at in 0..4 + random.below(12) {
            let id = 101 + 8 * at as u32;
            let from = random.below(activations.len());
            let (scope, outer) = (activations[from].scope, activations[from].context);
            let inside = (1..self.scopes.len()).filter(|&at| self.scopes[at].parent == scope);
            let inside: Vec<usize> = inside.collect();
            let Some(&inner) = inside.get(random.below(inside.len().max(1))) else {
                continue;
            };
            // A call of a function inside, or a closure of it.
            if random.below(2) == 0 {
                let mut context = outer;
                if !self.scopes[inner].variables.is_empty() {
                    let node = graph.node("object", "system / Context", id, 40);
                    let slots = 0..self.scopes[inner].variables.len();
                    let visible: Vec<usize> =
                        slots.filter(|_| !doubt || random.below(4) > 0).collect();
                    for &slot in &visible {
                        graph.edge(node, "context", &self.scopes[inner].variables[slot], value);
                    }
                    graph.edge(node, "context", "this", value);
                    if let Some(outer) = outer {
                        graph.edge(node, "internal", "previous", self.contexts[outer].node);
                    }
                    context = Some(self.contexts.len());
                    self.contexts.push(Context {
                        scope: inner,
                        outer,
                        node,
                        visible,
                    });
                    if doubt && random.below(12) == 0 {
                        graph.edge(stack, "element", "1", node);
                        self.running.extend(context);
                    }
                }
                activations.push(Activation {
                    scope: inner,
                    context,
                });
            } else if let Some(context) = outer {
                let closure = graph.node("closure", "f", id, 64);
                let shared = graph.node("code", "f", id + 2, 56);
                graph
                    .edge(0, "property", "f", closure)
                    .edge(closure, "internal", "context", self.contexts[context].node)
                    .edge(closure, "internal", "shared", shared)
                    .edge(shared, "internal", "script", script);
                let start = self.scopes[inner].start;
                let told = random.below(if doubt { 8 } else { 2 });
                match told {
                    // Its number, as files with numbers have it; or its place.
                    0 => {
                        let number = graph.node("number", "int", id + 4, 0);
                        let digits = graph.node("string", &start.to_string(), id + 6, 0);
                        graph
                            .edge(shared, "internal", "scope_id", number)
                            .edge(number, "internal", "value", digits);
                    }
                    7 => {}
                    _ => places.push((closure, start)),
                }
                self.closures.push((inner, context, told != 7));
            }
        }
        (graph, places, script)
    }

    fn is_inside(&self, scope: usize, around: usize) -> bool {
        scope == around || (scope != 0 && self.is_inside(self.scopes[scope].parent, around))
    }

    /// A context and those above it.
    fn chain(&self, context: usize) -> Vec<usize> {
        let outer = self.contexts[context].outer;
        [
            vec![context],
            outer.map_or(Vec::new(), |outer| self.chain(outer)),
        ]
        .concat()
    }

    /// Whether a living closure, or a function inside it, uses a variable.
    fn is_used(&self, context: usize, slot: usize) -> bool {
        let declaring = self.contexts[context].scope;
        self.closures.iter().any(|&(function, own, _)| {
            let inside = (0..self.scopes.len()).filter(|&scope| self.is_inside(scope, function));
            self.chain(own).contains(&context)
                && inside
                    .into_iter()
                    .any(|scope| self.scopes[scope].uses.contains(&(declaring, slot)))
        })
    }

    /// Whether nothing can be said of a context: something runs, or it is not known what.
    fn is_open(&self, context: usize) -> bool {
        let reaches = |from: usize| self.chain(from).contains(&context);
        let untold = |(_, own, told): &(usize, usize, bool)| !told && reaches(*own);
        self.running.iter().any(|&from| reaches(from)) || self.closures.iter().any(untold)
    }

    fn file(&self, graph: &Builder, places: &[(usize, usize)], script: usize) -> String {
        let mut file: Value = serde_json::from_str(&graph.text()).expect("JSON");
        let strings = file["strings"].as_array().expect("strings").clone();
        let mut strings: Vec<String> = strings
            .iter()
            .map(|text| text.as_str().expect("a string").to_owned())
            .collect();
        let mut string = |text: &String| {
            strings
                .iter()
                .position(|known| known == text)
                .unwrap_or_else(|| {
                    strings.push(text.clone());
                    strings.len() - 1
                })
        };
        let (mut scopes, mut variables, mut uses) = (Vec::new(), Vec::new(), Vec::new());
        for (at, scope) in self.scopes.iter().enumerate() {
            let number = |at: usize| match at {
                0 => json!(-2),
                at => json!(self.scopes[at].start),
            };
            scopes.extend([json!(script * 5), number(at), json!(scope.depth)]);
            scopes.extend([json!(scope.variables.len()), json!(scope.uses.len())]);
            variables.extend(scope.variables.iter().map(&mut string));
            for &(declaring, slot) in &scope.uses {
                uses.extend([number(declaring), json!(slot)]);
            }
        }
        let locations: Vec<usize> = places
            .iter()
            .flat_map(|&(closure, start)| {
                let (line, column) = self.line_and_column(start);
                [closure * 5, 1, line, column]
            })
            .collect();
        let meta = &mut file["snapshot"]["meta"];
        meta["location_fields"] = json!(["object_index", "script_id", "line", "column"]);
        meta["scope_fields"] = json!([
            "script_node_index",
            "scope_id",
            "depth",
            "scope_context_vars_count",
            "scope_uses_count"
        ]);
        meta["scope_use_fields"] = json!(["declaring_scope_id", "slot_index"]);
        format!(
            "{{\"snapshot\":{},\"nodes\":{},\"edges\":{},\"locations\":{},\"scopes\":{},\"scope_context_vars\":{},\
             \"scope_uses\":{},\"strings\":{}}}",
            file["snapshot"],
            file["nodes"],
            file["edges"],
            json!(locations),
            json!(scopes),
            json!(variables),
            json!(uses),
            json!(strings)
        )
    }

    /// Counted unit by unit, as an editor does.
    fn line_and_column(&self, place: usize) -> (usize, usize) {
        let units: Vec<u16> = self.source.encode_utf16().collect();
        let (mut line, mut column) = (0, 0);
        for at in 0..place {
            let ends = match units.get(at).copied() {
                Some(0x0a | 0x2028 | 0x2029) => true,
                Some(0x0d) => units.get(at + 1) != Some(&0x0a),
                _ => false,
            };
            (line, column) = if ends {
                (line + 1, 0)
            } else {
                (line, column + 1)
            };
        }
        (line, column)
    }

    /// Whether more than one scope around a use has the number that it names.
    fn numbers_repeat(&self) -> bool {
        let starts: HashSet<usize> = self.scopes.iter().map(|scope| scope.start).collect();
        starts.len() < self.scopes.len()
    }
}

#[test]
fn what_is_said_of_variables_is_so() {
    let mut random = Random(0x5c09e);
    let mut counts: HashMap<(bool, Option<bool>), usize> = HashMap::new();
    for run in 0..RUNS {
        let doubt = run % 2 == 0;
        let mut model = Model::random(&mut random, doubt);
        let (graph, places, script) = model.run(&mut random, doubt);
        let text = model.file(&graph, &places, script);
        let snapshot = Snapshot::parse(text.as_str()).expect("a snapshot");
        assert!(snapshot.report().damage.is_none() && snapshot.report().oddities.is_empty());
        let found = closures(&snapshot, usize::MAX);
        assert_eq!(found.contexts, model.contexts.len() as u64);
        for (at, context) in model.contexts.iter().enumerate() {
            let id = snapshot.at(context.node).id();
            let row = found.rows.iter().find(|row| row.id == id).expect("a row");
            assert_eq!(row.variables.len(), context.visible.len() + 1);
            let this = row
                .variables
                .iter()
                .find(|variable| variable.name == "this");
            assert_eq!(this.expect("it").used, None, "`this` is no variable");
            for &slot in &context.visible {
                let name = &model.scopes[context.scope].variables[slot];
                let told = row.variables.iter().find(|variable| variable.name == *name);
                let (told, truth) = (told.expect("it").used, model.is_used(at, slot));
                *counts.entry((doubt, told)).or_default() += 1;
                let open = model.is_open(at);
                if open {
                    assert_eq!(told, None, "{name} of @{}: {text}", id.0);
                }
                match told {
                    // Of two scopes that begin at one place either may be meant: both count.
                    Some(true) if model.numbers_repeat() => {}
                    Some(told) => assert_eq!(told, truth, "{name} of @{}: {text}", id.0),
                    None if doubt => {}
                    None => {
                        let mut closures = model.closures.iter();
                        let seen = closures.any(|&(_, own, _)| model.chain(own).contains(&at));
                        assert!(!seen, "{name} of @{} is in no doubt: {text}", id.0);
                    }
                }
            }
        }
    }
    for doubt in [false, true] {
        for told in [Some(false), Some(true), None] {
            assert!(counts[&(doubt, told)] > 100, "{counts:?}");
        }
    }
}
