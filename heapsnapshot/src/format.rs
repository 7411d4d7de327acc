//! The names of the `.heapsnapshot` format: node types, edge types, fields, sections and limits.
//!
//! Types and fields are found **by name** in a file's own `meta`, so a reader must not rely on the numbers here for foreign
//! files (V8 has appended types and dropped fields over the years); they are the numbers that *our* files use, and they are
//! those of V8 15.6 (Chromium 156).

/// What a node is. The discriminants are the positions in [`NODE_TYPE_NAMES`] and the numbers in files we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum NodeType {
    /// Engine-internal data; DevTools shows class `(system)`.
    Hidden = 0,
    /// An internal array (a backing store, not a user-visible array, which is an [`NodeType::Object`] named `Array`).
    Array = 1,
    /// A flat string.
    String = 2,
    /// A user-visible object; its name is its class.
    Object = 3,
    /// Compiled code.
    Code = 4,
    /// A function with its context; DevTools shows class `Function`.
    Closure = 5,
    /// A regular expression.
    Regexp = 6,
    /// A boxed number.
    Number = 7,
    /// Memory outside the managed heap.
    Native = 8,
    /// A node that is no object: the root and its groups.
    Synthetic = 9,
    /// A string made of two others (internal edges `first` and `second`).
    ConcatenatedString = 10,
    /// A string that is a part of another.
    SlicedString = 11,
    /// A symbol.
    Symbol = 12,
    /// An arbitrary-precision integer.
    Bigint = 13,
    /// A hidden class or its parts.
    ObjectShape = 14,
    /// A WebAssembly object. Node 20 writes it; newer engines (and this crate's writer) do not.
    WasmObject = 15,
}

/// The names of all node types, at the position of their number.
pub const NODE_TYPE_NAMES: [&str; 16] = [
    "hidden",
    "array",
    "string",
    "object",
    "code",
    "closure",
    "regexp",
    "number",
    "native",
    "synthetic",
    "concatenated string",
    "sliced string",
    "symbol",
    "bigint",
    "object shape",
    "wasm object",
];

impl NodeType {
    /// All types in the order of their numbers.
    pub const ALL: [NodeType; 16] = [
        NodeType::Hidden,
        NodeType::Array,
        NodeType::String,
        NodeType::Object,
        NodeType::Code,
        NodeType::Closure,
        NodeType::Regexp,
        NodeType::Number,
        NodeType::Native,
        NodeType::Synthetic,
        NodeType::ConcatenatedString,
        NodeType::SlicedString,
        NodeType::Symbol,
        NodeType::Bigint,
        NodeType::ObjectShape,
        NodeType::WasmObject,
    ];

    /// The name used in `meta.node_types`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        NODE_TYPE_NAMES[self as usize]
    }

    /// The type with this name in `meta.node_types`, if it is one of those known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<NodeType> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }
}

/// What an edge is. The discriminants are the positions in [`EDGE_TYPE_NAMES`] and the numbers in files we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EdgeType {
    /// A variable in a function context.
    Context = 0,
    /// An array element; its name is a plain number.
    Element = 1,
    /// A named property of an object.
    Property = 2,
    /// An engine-internal link with a name.
    Internal = 3,
    /// An engine-internal link without a name; its name is a plain number.
    Hidden = 4,
    /// A link that exists for ease of reading only; retains nothing, except from the root.
    Shortcut = 5,
    /// A link that does not retain its target.
    Weak = 6,
}

/// The names of all edge types, at the position of their number.
pub const EDGE_TYPE_NAMES: [&str; 7] = [
    "context", "element", "property", "internal", "hidden", "shortcut", "weak",
];

impl EdgeType {
    /// All types in the order of their numbers.
    pub const ALL: [EdgeType; 7] = [
        EdgeType::Context,
        EdgeType::Element,
        EdgeType::Property,
        EdgeType::Internal,
        EdgeType::Hidden,
        EdgeType::Shortcut,
        EdgeType::Weak,
    ];

    /// The name used in `meta.edge_types`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        EDGE_TYPE_NAMES[self as usize]
    }

    /// The type with this name in `meta.edge_types`, if it is one of those known.
    #[must_use]
    pub fn from_name(name: &str) -> Option<EdgeType> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// True if `name_or_index` of such an edge is a plain number; false if it is an index into `strings`.
    #[must_use]
    pub const fn is_numbered(self) -> bool {
        matches!(self, EdgeType::Element | EdgeType::Hidden)
    }
}

/// The node fields of files we write, in order. (Files of others may add `trace_node_id` and more, in any order.)
pub const NODE_FIELDS: [&str; 6] = [
    "type",
    "name",
    "id",
    "self_size",
    "edge_count",
    "detachedness",
];

/// The edge fields of files we write, in order.
pub const EDGE_FIELDS: [&str; 3] = ["type", "name_or_index", "to_node"];

/// How many of [`NODE_TYPE_NAMES`] the files we write declare: those of V8 15.6, which no longer has `wasm object`.
pub const WRITTEN_NODE_TYPES: usize = 15;

/// The top-level sections of files we write, in their order, which is fixed: DevTools searches forward for each name.
pub const SECTIONS: [&str; 8] = [
    "snapshot",
    "nodes",
    "edges",
    "trace_function_infos",
    "trace_tree",
    "samples",
    "locations",
    "strings",
];

/// The `meta` object of files we write.
pub const META_JSON: &str = concat!(
    r#"{"node_fields":["type","name","id","self_size","edge_count","detachedness"],"#,
    r#""node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","#,
    r#""concatenated string","sliced string","symbol","bigint","object shape"],"#,
    r#""string","number","number","number","number"],"#,
    r#""edge_fields":["type","name_or_index","to_node"],"#,
    r#""edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],"#,
    r#""trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"#,
    r#""trace_node_fields":["id","function_info_index","count","size","children"],"#,
    r#""sample_fields":["timestamp_us","last_assigned_id"],"#,
    r#""location_fields":["object_index","script_id","script_object_index","line","column"]}"#,
);

/// `to_node` is `ordinal * NODE_FIELDS.len()` in 32 bits: the most nodes a file of ours can hold (715 million).
pub const MAX_NODES: u64 = u32::MAX as u64 / NODE_FIELDS.len() as u64;

/// DevTools keeps the place of a node's first edge (a position in the flat `edges`) in 32 bits: the most edges a file can hold
/// (1431 million).
pub const MAX_EDGES: u64 = u32::MAX as u64 / EDGE_FIELDS.len() as u64;

/// DevTools keeps every number of `nodes` and `edges` in 32 bits: the largest self size of one node, in bytes.
pub const MAX_SELF_SIZE: u64 = u32::MAX as u64;

/// The largest node id a file can hold.
pub const MAX_ID: u64 = u32::MAX as u64;

/// DevTools refuses a `strings` section of this many UTF-16 units (2^29 - 24, V8's longest string) or more.
pub const DEVTOOLS_MAX_STRINGS_TEXT: u64 = (1 << 29) - 24;

/// V8 cuts every string in a snapshot after this many UTF-16 units.
pub const MAX_STRING_UNITS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(names: &[&str]) -> String {
        let list: Vec<String> = names.iter().map(|n| format!("\"{n}\"")).collect();
        format!("[{}]", list.join(","))
    }

    #[test]
    fn numbers_are_positions() {
        for (at, kind) in NodeType::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            assert_eq!(NodeType::from_name(kind.name()), Some(kind));
        }
        for (at, kind) in EdgeType::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
            assert_eq!(EdgeType::from_name(kind.name()), Some(kind));
        }
    }

    #[test]
    fn meta_lists_the_constants() {
        let node_types = quoted(&NODE_TYPE_NAMES[..WRITTEN_NODE_TYPES]);
        for part in [
            format!("\"node_fields\":{}", quoted(&NODE_FIELDS)),
            format!("\"node_types\":[{node_types},"),
            format!("\"edge_fields\":{}", quoted(&EDGE_FIELDS)),
            format!("\"edge_types\":[{},", quoted(&EDGE_TYPE_NAMES)),
        ] {
            assert!(META_JSON.contains(&part), "{part} not in {META_JSON}");
        }
    }
}
