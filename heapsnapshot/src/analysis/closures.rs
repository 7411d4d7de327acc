//! Closures: what the contexts of functions keep alive, variable by variable.

use super::words;
use crate::format::{EdgeType, NodeType};
use crate::graph::{NodeId, NodeRef, Snapshot};

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

/// The contexts that retain most, at most `limit`.
///
/// Complexity: the nodes' names, and the edges and retainers of the contexts kept.
#[must_use]
pub fn closures(snapshot: &Snapshot, limit: usize) -> Vec<ClosureContext> {
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
    contexts.into_iter().take(limit).map(describe).collect()
}

fn describe(context: NodeRef<'_>) -> ClosureContext {
    let mut variables: Vec<CapturedVariable> = context
        .edges()
        .filter(|edge| edge.is(EdgeType::Context))
        .map(|edge| CapturedVariable {
            name: edge.name().to_string(),
            value: words::node(edge.to()),
            id: edge.to().id(),
            retained: edge.to().retained_size(),
            kept_by_context: edge.to().dominator().ordinal() == context.ordinal(),
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
        let found = closures(&snapshot, 5);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].closures, found[0].retained), (3, 440));
        assert_eq!(found[0].functions, ["onEnd()", "onTick()"]);
        let kept: Vec<_> = found[0]
            .variables
            .iter()
            .map(|v| (v.name.as_str(), v.kept_by_context))
            .collect();
        assert_eq!(kept, [("shared", false), ("rows", true)]);
    }
}
