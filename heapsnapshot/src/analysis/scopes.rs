//! Which captured variables the code of live closures uses, as far as a file tells.
//!
//! Newer engines (V8 in Chromium 150 and later) write the scopes of their scripts: the variables each scope keeps in
//! its context, and which variables each function uses, as (declaring scope, slot). A closure is tied to its function
//! by the number of its scope (written if numeric values are captured) or by its place in the source, as far as the
//! text of the source is in the file. Everything that a closure can run counts: its own scope and all inside it.
//!
//! A context is left undecided if anything but closures and other contexts holds it (a running or suspended function,
//! the table of top-level variables), if one of its closures cannot be tied to a function, or if its variables fit
//! more than one scope. Code made at run time (`eval`) is not seen.
//!
//! Source: the sections `scopes` and `scope_uses` as V8's `heap-snapshot-generator.cc` writes them; DevTools does not read
//! them.
//!
//! Complexity: the scopes and their uses once per closure below them, and the contexts above each closure. Oracle: a model
//! of an engine that runs a script at random, in `src/tests/scopes.rs`.

use hashbrown::{HashMap, HashSet};

use super::strings::{boxed, text};
use super::words::is_context;
use crate::format::{EdgeType, NodeType};
use crate::graph::{NodeRef, Snapshot};

/// Contexts above a closure that are followed; deeper nesting is left undecided.
const NESTING: usize = 1000;
/// Steps in all, so that no file takes long: far more than any program needs.
const STEPS: usize = 50_000_000;

/// A scope of a script.
struct Scope {
    /// Its number: where it begins in the source; 2 for the script itself, which the engine writes as -2.
    number: u32,
    parent: Option<usize>,
    /// The scope after the last one inside it.
    end: usize,
    variables: Vec<u32>,
    uses: Vec<(u32, u32)>,
}

/// The uses of variables that were found.
pub(super) struct VariableUses {
    /// Names used, by context (ordinal); contexts that are undecided are missing.
    used: HashMap<u32, HashSet<u32>>,
    /// The string's index of each variable, by context.
    declared: HashMap<u32, Vec<u32>>,
}

impl VariableUses {
    /// `None` if the file has no scopes.
    pub(super) fn find(snapshot: &Snapshot) -> Option<VariableUses> {
        let scripts = scripts(snapshot)?;
        let mut search = Search {
            snapshot,
            scopes: scripts.scopes,
            of_script: scripts.of_script,
            lines: HashMap::new(),
            undecided: HashSet::new(),
            scope_of: HashMap::new(),
            used: HashMap::new(),
            steps: 0,
        };
        search.holders();
        for node in snapshot.nodes().filter(|node| node.is(NodeType::Closure)) {
            search.closure(node);
        }
        if search.steps > STEPS {
            return None;
        }
        let mut found = VariableUses {
            used: HashMap::new(),
            declared: HashMap::new(),
        };
        for (context, scope) in search.scope_of {
            if search.undecided.contains(&context) {
                continue;
            }
            let slots = search.used.remove(&context).unwrap_or_default();
            let variables = &search.scopes[scope].variables;
            let names = slots
                .iter()
                .filter_map(|&slot| variables.get(slot as usize));
            found.used.insert(context, names.copied().collect());
            found.declared.insert(context, variables.clone());
        }
        Some(found)
    }

    /// Whether code of a live closure uses the variable with this name (a string's index); `None` if undecided.
    pub(super) fn is_used(&self, context: NodeRef<'_>, name: u32) -> Option<bool> {
        let context = context.ordinal().0;
        let declared = self.declared.get(&context)?.contains(&name);
        let used = self.used.get(&context)?.contains(&name);
        declared.then_some(used)
    }
}

struct Scripts {
    scopes: Vec<Scope>,
    /// Scopes of each script (ordinal), in the order of the source's nesting.
    of_script: HashMap<u32, std::ops::Range<usize>>,
}

/// Takes the sections apart; what does not add up is left out.
fn scripts(snapshot: &Snapshot) -> Option<Scripts> {
    let meta = snapshot.meta();
    let at = |name: &str| meta.scope_fields.iter().position(|field| field == name);
    let fields = [
        at("script_node_index")?,
        at("scope_id")?,
        at("depth")?,
        at("scope_context_vars_count")?,
        at("scope_uses_count")?,
    ];
    let use_at = |name: &str| meta.scope_use_fields.iter().position(|field| field == name);
    let use_fields = [use_at("declaring_scope_id")?, use_at("slot_index")?];
    let node_fields = meta.node_fields.len() as u32;
    let mut variables = snapshot.array("scope_context_vars")?.iter().copied();
    let mut uses = snapshot
        .array("scope_uses")?
        .chunks_exact(meta.scope_use_fields.len());
    let mut found = Scripts {
        scopes: Vec::new(),
        of_script: HashMap::new(),
    };
    // The open scopes of the script at hand, outermost first.
    let mut open: Vec<usize> = Vec::new();
    let mut last_script = None;
    for record in snapshot
        .array("scopes")?
        .chunks_exact(meta.scope_fields.len())
    {
        let [script, number, depth, variable_count, use_count] = fields.map(|field| record[field]);
        let here = found.scopes.len();
        if last_script != Some(script) {
            close(&mut found.scopes, &mut open, 0);
            last_script = Some(script);
        }
        close(&mut found.scopes, &mut open, depth as usize);
        let parent = open.last().copied();
        open.push(here);
        found.scopes.push(Scope {
            number,
            parent,
            end: here + 1,
            variables: variables.by_ref().take(variable_count as usize).collect(),
            uses: uses
                .by_ref()
                .take(use_count as usize)
                .map(|record| (record[use_fields[0]], record[use_fields[1]]))
                .collect(),
        });
        let script = script / node_fields;
        let range = found.of_script.entry(script).or_insert(here..here);
        range.end = here + 1;
    }
    close(&mut found.scopes, &mut open, 0);
    Some(found)
}

/// Ends the open scopes from `depth` on.
fn close(scopes: &mut [Scope], open: &mut Vec<usize>, depth: usize) {
    let end = scopes.len();
    while open.len() > depth {
        if let Some(scope) = open.pop() {
            scopes[scope].end = end;
        }
    }
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    scopes: Vec<Scope>,
    of_script: HashMap<u32, std::ops::Range<usize>>,
    /// Where the lines of a script's source begin, as far as its text is known.
    lines: HashMap<u32, Vec<u32>>,
    undecided: HashSet<u32>,
    /// The scope that each context is of.
    scope_of: HashMap<u32, usize>,
    /// Slots used, by context.
    used: HashMap<u32, HashSet<u32>>,
    steps: usize,
}

impl<'a> Search<'a> {
    /// Contexts that something else than closures and contexts holds, and those above them, are undecided.
    fn holders(&mut self) {
        for context in self.snapshot.nodes().filter(|node| is_context(*node)) {
            let known = |edge: &crate::graph::EdgeRef<'_>| {
                edge.is(EdgeType::Weak)
                    || edge.is(EdgeType::Shortcut)
                    || (edge.is(EdgeType::Internal)
                        && (edge.from().is(NodeType::Closure) && edge.name() == "context"
                            || is_context(edge.from()) && edge.name() == "previous"))
            };
            if !context.retainers().all(|edge| known(&edge)) {
                for context in self.chain(Some(context)) {
                    self.undecided.insert(context.ordinal().0);
                }
            }
        }
    }

    /// A context and those above it.
    fn chain(&mut self, first: Option<NodeRef<'a>>) -> Vec<NodeRef<'a>> {
        let mut chain: Vec<NodeRef<'a>> = Vec::new();
        let mut next = first.filter(|node| is_context(*node));
        while let Some(context) = next {
            self.steps += 1;
            if chain.len() == NESTING || self.steps > STEPS {
                // What is above stays unseen: nothing can be said of anything.
                self.steps = STEPS + 1;
                break;
            }
            chain.push(context);
            next = context
                .child(EdgeType::Internal, "previous")
                .filter(|node| is_context(*node));
        }
        chain
    }

    fn closure(&mut self, closure: NodeRef<'a>) {
        let chain = self.chain(closure.child(EdgeType::Internal, "context"));
        if chain.is_empty() {
            return;
        }
        let scope = self.scope_of_closure(closure);
        let matched = scope.map_or(0, |scope| self.tie(&chain, scope));
        for context in &chain[matched..] {
            self.undecided.insert(context.ordinal().0);
        }
        let Some(scope) = scope else {
            return;
        };
        // Everything the closure can run, functions inside it included.
        for inside in scope..self.scopes[scope].end {
            for at in 0..self.scopes[inside].uses.len() {
                self.steps += 1;
                let (number, slot) = self.scopes[inside].uses[at];
                let declaring = self.declaring(inside, number, slot);
                for context in &chain[..matched] {
                    let context = context.ordinal().0;
                    let scope = self.scope_of.get(&context);
                    if scope.is_some_and(|scope| declaring.contains(scope)) {
                        self.used.entry(context).or_default().insert(slot);
                    }
                }
            }
            if self.steps > STEPS {
                return;
            }
        }
    }

    /// The scopes around `scope`, itself included, with this number and so many slots. Scopes that begin at one place
    /// have one number: each of them may be meant.
    fn declaring(&self, scope: usize, number: u32, slot: u32) -> Vec<usize> {
        let mut found = Vec::new();
        let mut next = Some(scope);
        while let Some(at) = next {
            let scope = &self.scopes[at];
            if scope.number == number && (slot as usize) < scope.variables.len() {
                found.push(at);
            }
            next = scope.parent;
        }
        found
    }

    /// Ties the contexts above a closure to the scopes around its function; returns how many could be tied.
    fn tie(&mut self, chain: &[NodeRef<'a>], scope: usize) -> usize {
        let mut outer = self.scopes[scope].parent;
        for (at, context) in chain.iter().enumerate() {
            let edges = context.edges().filter(|edge| edge.is(EdgeType::Context));
            let names: Vec<u32> = edges
                .filter(|edge| edge.name() != "this")
                .map(|edge| edge.name_or_index())
                .collect();
            // Small integers leave no edge: the scope may have more variables.
            let fits = |scope: &Scope| names.iter().all(|name| scope.variables.contains(name));
            let mut candidates = Vec::new();
            let mut next = outer;
            while let Some(at) = next {
                self.steps += 1;
                if fits(&self.scopes[at]) && !self.scopes[at].variables.is_empty() {
                    candidates.push(at);
                }
                next = self.scopes[at].parent;
            }
            let [scope] = candidates[..] else {
                if names.is_empty() {
                    // A context without visible variables says nothing, and nothing is said of it.
                    self.undecided.insert(context.ordinal().0);
                    continue;
                }
                return at;
            };
            let context = context.ordinal().0;
            if *self.scope_of.entry(context).or_insert(scope) != scope {
                self.undecided.insert(context);
            }
            outer = self.scopes[scope].parent;
        }
        chain.len()
    }

    /// The scope of a closure's function.
    fn scope_of_closure(&mut self, closure: NodeRef<'a>) -> Option<usize> {
        let shared = closure.child(EdgeType::Internal, "shared")?;
        let script = shared.child(EdgeType::Internal, "script")?;
        let range = self.of_script.get(&script.ordinal().0)?.clone();
        let number = match number(shared, "scope_id") {
            Some(number) => number,
            None => self.place(closure, script)?,
        };
        let found: Vec<usize> = range
            .filter(|&at| self.scopes[at].number == number)
            .collect();
        // Scopes that begin at one place are nested, and any of them may be the function's: if those around the innermost
        // keep variables, it is not known whose the first context is.
        let (&first, &last) = (found.first()?, found.last()?);
        let nested = last < self.scopes[first].end;
        let keeps = |at: &usize| !self.scopes[*at].variables.is_empty();
        let doubtful = found[..found.len() - 1].iter().any(keeps);
        (nested && !doubtful).then_some(first)
    }

    /// Where a closure's function begins in its source.
    fn place(&mut self, closure: NodeRef<'a>, script: NodeRef<'a>) -> Option<u32> {
        let location = closure.location()?;
        let lines = self
            .lines
            .entry(script.ordinal().0)
            .or_insert_with(|| line_starts(script));
        lines
            .get(location.line as usize)?
            .checked_add(location.column)
    }
}

/// A number that the engine wrote for a field, if it captured numbers; -2 is 2, as in the section.
fn number(node: NodeRef<'_>, field: &str) -> Option<u32> {
    let value = boxed(node.child(EdgeType::Internal, field)?, "int")?;
    value.strip_prefix('-').unwrap_or(&value).parse().ok()
}

/// Where the lines of a script begin, in UTF-16 units, as far as the text is in the file.
fn line_starts(script: NodeRef<'_>) -> Vec<u32> {
    let mut starts = vec![0];
    let Some(source) = script.child(EdgeType::Internal, "source") else {
        return starts;
    };
    let source = text(source);
    let (mut units, mut after_return) = (0, false);
    for character in source.chars() {
        units += character.len_utf16() as u32;
        // `\r\n` ends one line.
        if after_return && character == '\n' {
            starts.pop();
        }
        after_return = character == '\r';
        if matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}') {
            starts.push(units);
        }
    }
    starts
}
