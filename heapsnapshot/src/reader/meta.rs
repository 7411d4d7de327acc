//! The `snapshot` object: which fields and types the file has, and how much of everything.

use serde_json::Value;

use crate::format::NodeType;

/// What `snapshot.meta` and its neighbours say.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Meta {
    /// Names of the numbers that make a node, in order.
    pub node_fields: Vec<String>,
    /// Names of the numbers that make an edge, in order.
    pub edge_fields: Vec<String>,
    /// Names of the node types, in the file's order.
    pub node_types: Vec<String>,
    /// Names of the edge types, in the file's order.
    pub edge_types: Vec<String>,
    /// Names of the numbers that make a location, in order.
    pub location_fields: Vec<String>,
    /// Names of the numbers that make a scope of a script, in order; newer engines write them.
    pub scope_fields: Vec<String>,
    /// Names of the numbers that make a use of a variable, in order.
    pub scope_use_fields: Vec<String>,
    /// Nodes announced.
    pub node_count: u64,
    /// Edges announced.
    pub edge_count: u64,
    /// Position of the root in `nodes`, in numbers, not nodes.
    pub root_index: u64,
    /// Bytes outside the heap that no node stands for.
    pub extra_native_bytes: u64,
    /// Functions of the allocation tracker announced.
    pub trace_function_count: u64,
}

/// Where each field of a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeLayout {
    pub(crate) stride: usize,
    pub(crate) kind: usize,
    pub(crate) name: usize,
    pub(crate) id: Option<usize>,
    pub(crate) self_size: Option<usize>,
    pub(crate) edge_count: Option<usize>,
    pub(crate) trace_node_id: Option<usize>,
    pub(crate) detachedness: Option<usize>,
}

/// Where each field of an edge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EdgeLayout {
    pub(crate) stride: usize,
    pub(crate) kind: usize,
    pub(crate) label: usize,
    pub(crate) to: usize,
}

impl NodeLayout {
    /// Numbers per node, if type, name, id, self size and number of edges come first, in this order: so in every real file.
    pub(crate) fn usual_stride(&self) -> Option<usize> {
        let is_usual = (self.kind, self.name) == (0, 1)
            && (self.id, self.self_size, self.edge_count) == (Some(2), Some(3), Some(4));
        is_usual.then_some(self.stride)
    }
}

impl EdgeLayout {
    /// Type, name and target are all there is, in this order: so in every real file.
    pub(crate) fn is_usual(&self) -> bool {
        (self.stride, self.kind, self.label, self.to) == (3, 0, 1, 2)
    }
}

fn names(value: &Value) -> Vec<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|name| name.as_str().unwrap_or("").to_owned())
        .collect()
}

fn position(fields: &[String], name: &str) -> Option<usize> {
    fields.iter().position(|field| field == name)
}

impl Meta {
    /// Reads the `snapshot` object.
    ///
    /// # Errors
    /// A sentence that names what is missing.
    pub fn parse(json: &[u8]) -> Result<Meta, String> {
        let header: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let meta = &header["meta"];
        if !meta.is_object() {
            return Err("the object \"snapshot\" has no \"meta\"".to_owned());
        }
        let number = |name: &str| match &header[name] {
            Value::Null => Ok(0),
            value => value
                .as_u64()
                .or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))
                .ok_or_else(|| format!("\"{name}\" is {value}, not a count")),
        };
        let node_fields = names(&meta["node_fields"]);
        let edge_fields = names(&meta["edge_fields"]);
        let types_of = |what: &str, fields: &[String]| {
            let at =
                position(fields, "type").ok_or(format!("meta.{what}_fields has no \"type\""))?;
            let types = names(&meta[format!("{what}_types")][at]);
            if types.is_empty() {
                return Err(format!("meta.{what}_types[{at}] is no list of names"));
            }
            Ok(types)
        };
        let meta = Meta {
            node_types: types_of("node", &node_fields)?,
            edge_types: types_of("edge", &edge_fields)?,
            location_fields: names(&meta["location_fields"]),
            scope_fields: names(&meta["scope_fields"]),
            scope_use_fields: names(&meta["scope_use_fields"]),
            node_count: number("node_count")?,
            edge_count: number("edge_count")?,
            root_index: number("root_index")?,
            extra_native_bytes: number("extra_native_bytes")?,
            trace_function_count: number("trace_function_count")?,
            node_fields,
            edge_fields,
        };
        meta.check()?;
        Ok(meta)
    }

    fn check(&self) -> Result<(), String> {
        let needed = [
            ("node_fields", &self.node_fields, "name"),
            ("edge_fields", &self.edge_fields, "name_or_index"),
            ("edge_fields", &self.edge_fields, "to_node"),
        ];
        for (list, fields, name) in needed {
            if position(fields, name).is_none() {
                return Err(format!("meta.{list} has no \"{name}\""));
            }
        }
        // A record is gathered in the scanner's output buffer, which holds many of any real size.
        if self.node_fields.len() > 64 || self.edge_fields.len() > 64 {
            return Err("meta lists more than 64 fields".to_owned());
        }
        Ok(())
    }

    pub(crate) fn node_layout(&self) -> NodeLayout {
        let at = |name: &str| position(&self.node_fields, name);
        NodeLayout {
            stride: self.node_fields.len(),
            kind: at("type").unwrap_or(0),
            name: at("name").unwrap_or(0),
            id: at("id"),
            self_size: at("self_size"),
            edge_count: at("edge_count"),
            trace_node_id: at("trace_node_id"),
            detachedness: at("detachedness"),
        }
    }

    pub(crate) fn edge_layout(&self) -> EdgeLayout {
        let at = |name: &str| position(&self.edge_fields, name).unwrap_or(0);
        EdgeLayout {
            stride: self.edge_fields.len(),
            kind: at("type"),
            label: at("name_or_index"),
            to: at("to_node"),
        }
    }

    /// The meaning of each node type of the file.
    pub(crate) fn known_node_types(&self) -> Vec<Option<NodeType>> {
        self.node_types
            .iter()
            .map(|name| NodeType::from_name(name))
            .collect()
    }
}
