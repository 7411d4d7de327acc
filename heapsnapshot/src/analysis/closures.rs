//! Closures: what the contexts of functions keep alive, variable by variable.
//!
//! Source: `V8HeapExplorer::ExtractContextReferences` and `ExtractJSObjectReferences` in V8's
//! `heap-snapshot-generator.cc`: a context's variables are its edges of type `context`, a closure names its context by an
//! internal edge. Which variables are used: see `analysis/scopes.rs`.
//!
//! ```no_run
//! use heapsnapshot::analysis::closures::closures;
//!
//! let snapshot = heapsnapshot::Snapshot::open("app.heapsnapshot")?;
//! for context in closures(&snapshot, 5).rows {
//!     println!("variables of {:?} keep {} bytes", context.functions, context.retained);
//!     for variable in context.variables.iter().filter(|variable| variable.used == Some(false)) {
//!         println!("  {} = {} is used by no live closure", variable.name, variable.value);
//!     }
//! }
//! # Ok::<(), heapsnapshot::ReadError>(())
//! ```

use super::scopes::VariableUses;
use super::words;
use crate::format::{EdgeType, NodeType};
use crate::graph::{EdgeRef, NodeId, NodeRef, Snapshot};

/// A captured variable.
#[derive(Clone, Debug, serde::Serialize)]
pub struct CapturedVariable {
    /// Its name.
    pub name: String,
    /// What it holds, as a cell shows it.
    pub value: String,
    /// The value's identity.
    pub id: NodeId,
    /// Bytes that would go with the value.
    pub retained: u64,
    /// Whether they would go with the context (nothing else holds the value).
    pub kept_by_context: bool,
    /// Whether code of a live closure uses it; `None` if the file does not tell (see [`closures`]).
    pub used: Option<bool>,
}

/// A context: the variables that closures share.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ClosureContext {
    /// Its identity.
    pub id: NodeId,
    /// Bytes that would go with it.
    pub retained: u64,
    /// Closures that refer to it directly.
    pub closures: u64,
    /// Names of their functions, at most five.
    pub functions: Vec<String>,
    /// Its variables, largest first.
    pub variables: Vec<CapturedVariable>,
}

/// What the contexts of functions keep alive.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Closures {
    /// Contexts in all.
    pub contexts: u64,
    /// Their variables in all.
    pub variables: u64,
    /// The contexts that retain most.
    pub rows: Vec<ClosureContext>,
}

/// The contexts that retain most, at most `limit`.
///
/// Files of newer engines (with the sections `scopes` and `scope_uses`) also tell for most contexts which variables no
/// live closure uses: they are kept for nothing, because closures of one scope share one context.
///
/// Complexity: the nodes' names, the edges of the contexts, and the retainers of the contexts kept.
#[must_use]
pub fn closures(snapshot: &Snapshot, limit: usize) -> Closures {
    let is_context_name: Vec<u32> = snapshot
        .strings()
        .containing("system / Context")
        .into_iter()
        .filter(|&index| {
            let name = snapshot.strings().get(index);
            name == "system / Context" || name.starts_with("system / Context / ")
        })
        .collect();
    let mut contexts: Vec<NodeRef<'_>> = snapshot
        .nodes()
        .filter(|node| is_context_name.binary_search(&node.name_index()).is_ok())
        .collect();
    contexts.sort_by_key(|node| (std::cmp::Reverse(node.retained_size()), node.ordinal()));
    let uses = VariableUses::find(snapshot);
    let describe = |&context: &NodeRef<'_>| describe(context, uses.as_ref());
    Closures {
        contexts: contexts.len() as u64,
        variables: contexts
            .iter()
            .flat_map(|&context| variables(context))
            .count() as u64,
        rows: contexts.iter().take(limit).map(describe).collect(),
    }
}

fn variables(context: NodeRef<'_>) -> impl Iterator<Item = EdgeRef<'_>> {
    let edges = context.edges();
    edges.filter(|edge| edge.is(EdgeType::Context))
}

fn describe(context: NodeRef<'_>, uses: Option<&VariableUses>) -> ClosureContext {
    let mut variables: Vec<CapturedVariable> = variables(context)
        .map(|edge| CapturedVariable {
            name: edge.name().to_string(),
            value: words::node(edge.to()),
            id: edge.to().id(),
            retained: edge.to().retained_size(),
            kept_by_context: edge.to().dominator().ordinal() == context.ordinal(),
            used: uses.and_then(|uses| uses.is_used(context, edge.name_or_index())),
        })
        .collect();
    variables.sort_by(|a, b| {
        b.retained
            .cmp(&a.retained)
            .then_with(|| a.name.cmp(&b.name))
    });
    let users = context
        .retainers()
        .filter(|edge| edge.is(EdgeType::Internal) && edge.name() == "context");
    let users: Vec<NodeRef<'_>> = users
        .map(|edge| edge.from())
        .filter(|node| node.is(NodeType::Closure))
        .collect();
    let mut functions: Vec<String> = users.iter().map(|node| words::node(*node)).collect();
    functions.sort();
    functions.dedup();
    functions.truncate(5);
    ClosureContext {
        id: context.id(),
        retained: context.retained_size(),
        closures: users.len() as u64,
        functions,
        variables,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    #[test]
    fn a_context_lists_its_variables_and_functions() {
        let mut graph = Builder::new();
        let context = graph.node("object", "system / Context / setup", 3, 40);
        let rows = graph.node("object", "Rows", 5, 400);
        let shared = graph.node("object", "Shared", 7, 1000);
        graph
            .edge(context, "context", "rows", rows)
            .edge(context, "context", "shared", shared);
        graph.edge(0, "property", "shared", shared);
        for (at, name) in ["onTick", "onEnd", "onTick"].into_iter().enumerate() {
            let closure = graph.node("closure", name, 11 + 2 * at as u32, 64);
            graph
                .edge(0, "property", name, closure)
                .edge(closure, "internal", "context", context);
        }
        let snapshot = graph.read();
        let none = closures(&snapshot, 0);
        assert_eq!((none.contexts, none.variables), (1, 2));
        assert!(none.rows.is_empty());
        let found = closures(&snapshot, 5).rows;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].closures, found[0].retained), (3, 440));
        assert_eq!(found[0].functions, ["onEnd()", "onTick()"]);
        let kept: Vec<_> = found[0]
            .variables
            .iter()
            .map(|v| (v.name.as_str(), v.kept_by_context))
            .collect();
        assert_eq!(kept, [("shared", false), ("rows", true)]);
        assert!(found[0].variables.iter().all(|v| v.used.is_none()));
    }

    /// `function setup() { const rows = …, big = …; return [function onTick() { rows }, function onEnd() { big }] }`
    /// with only `onTick` alive, as Chromium writes it.
    #[test]
    fn variables_that_no_live_closure_uses_are_told() {
        let build = |both_alive: bool, held_by_stack: bool, column: u32| {
            let mut graph = Builder::new();
            let context = graph.node("object", "system / Context", 3, 40);
            let rows = graph.node("object", "Rows", 5, 400);
            let big = graph.node("object", "Big", 7, 1000);
            let script = graph.node("code", "system / Script", 9, 0);
            graph
                .edge(context, "context", "rows", rows)
                .edge(context, "context", "big", big);
            let mut locations = Vec::new();
            for (name, place) in [("onTick", column), ("onEnd", 200)] {
                if name == "onEnd" && !both_alive {
                    continue;
                }
                let closure = graph.node("closure", name, 100 + place, 64);
                let shared = graph.node("code", name, 1000 + place, 0);
                graph
                    .edge(0, "property", name, closure)
                    .edge(closure, "internal", "context", context)
                    .edge(closure, "internal", "shared", shared)
                    .edge(shared, "internal", "script", script);
                locations.push(format!("{},1,0,{place}", closure * 5));
            }
            if held_by_stack {
                let stack = graph.node("synthetic", "(Stack roots)", 11, 0);
                graph.edge(stack, "element", "1", context);
            }
            let text = graph.text();
            let strings: Vec<String> = serde_json::from_str(
                &text[text.rfind("[\"<dummy>\"").unwrap()..text.rfind('}').unwrap()],
            )
            .unwrap();
            let string = |name: &str| strings.iter().position(|known| known == name).unwrap();
            let (rows, big) = (string("rows"), string("big"));
            // Script, setup (2 variables), onTick at 100 (uses slot 0), onEnd at 200 (uses slot 1).
            let script = script * 5;
            let scopes = format!(
                "\"locations\":[{}],\"scopes\":[{script},-2,0,0,0,{script},50,1,2,0,{script},100,2,0,1,{script},200,2,0,1],\
                 \"scope_context_vars\":[{rows},{big}],\"scope_uses\":[50,0,50,1],\"strings\":",
                locations.join(",")
            );
            let fields = "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"],\
                 \"scope_fields\":[\"script_node_index\",\"scope_id\",\"depth\",\"scope_context_vars_count\",\"scope_uses_count\"],\
                 \"scope_use_fields\":[\"declaring_scope_id\",\"slot_index\"],\"node_fields\":";
            let text =
                text.replacen("\"strings\":", &scopes, 1)
                    .replacen("\"node_fields\":", fields, 1);
            let snapshot = Snapshot::parse(text).unwrap();
            assert!(
                snapshot.report().damage.is_none(),
                "{:?}",
                snapshot.report()
            );
            let found = closures(&snapshot, 1).rows;
            let mut used: Vec<_> = found[0]
                .variables
                .iter()
                .map(|variable| (variable.name.clone(), variable.used))
                .collect();
            used.sort();
            used.into_iter().map(|(_, used)| used).collect::<Vec<_>>()
        };
        // In the order of names: big, rows.
        assert_eq!(build(false, false, 100), [Some(false), Some(true)]);
        assert_eq!(build(true, false, 100), [Some(true), Some(true)]);
        assert_eq!(build(false, true, 100), [None, None]);
        assert_eq!(
            build(false, false, 101),
            [None, None],
            "no function begins there"
        );
    }
}
