//! The constant part of a node's or edge's line, rendered once: `3,17,` for "an object named strings[17]".
//!
//! A heap has few shapes and many objects. A source renders one label per class and one per field when it counts, and the
//! passes copy 16 bytes instead of formatting two numbers.

use super::digits;
use super::names::Name;
use crate::format::{EdgeType, NodeType};

/// Bytes of a rendered label.
const BYTES: usize = 15;

/// Rendered text, at most 15 bytes, with its length: 16 bytes in all.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Rendered {
    bytes: [u8; BYTES],
    length: u8,
}

impl Rendered {
    /// `first,second,`: the longest is `14,4294967295,` with 14 bytes.
    #[inline(always)]
    fn two(first: u32, second: u32) -> Rendered {
        let mut out = [0; 32];
        let mut at = digits::put(&mut out, 0, first);
        out[at] = b',';
        at = digits::put(&mut out, at + 1, second);
        out[at] = b',';
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&out[..BYTES]);
        Rendered {
            bytes,
            length: at as u8 + 1,
        }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

/// Copies a label to the start of `out` and returns its length.
#[inline(always)]
fn put<const N: usize>(out: &mut [u8; N], rendered: &Rendered) -> usize {
    out[..BYTES].copy_from_slice(&rendered.bytes);
    usize::from(rendered.length)
}

/// Type and name of a node, rendered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NodeLabel(Rendered);

impl NodeLabel {
    /// The label of nodes of this type and name.
    ///
    /// # Panics
    ///
    /// If the type is one that written files do not declare ([`NodeType::WasmObject`]).
    #[must_use]
    pub fn new(kind: NodeType, name: Name) -> NodeLabel {
        assert!(
            (kind as usize) < crate::format::WRITTEN_NODE_TYPES,
            "{} nodes are read but never written",
            kind.name()
        );
        NodeLabel(Rendered::two(kind as u32, name.index()))
    }

    #[inline(always)]
    pub(super) fn put<const N: usize>(&self, out: &mut [u8; N]) -> usize {
        put(out, &self.0)
    }
}

impl std::fmt::Debug for NodeLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeLabel({})", self.0.text())
    }
}

/// Type and name or number of an edge, rendered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EdgeLabel(Rendered);

impl EdgeLabel {
    /// The label of a named edge: context, property, internal, shortcut or weak.
    ///
    /// # Panics
    ///
    /// If edges of this type have numbers instead of names.
    #[must_use]
    pub fn named(kind: EdgeType, name: Name) -> EdgeLabel {
        assert!(
            !kind.is_numbered(),
            "{} edges have numbers, not names",
            kind.name()
        );
        EdgeLabel(Rendered::two(kind as u32, name.index()))
    }

    /// The label of element `index` of an array.
    #[inline]
    #[must_use]
    pub fn element(index: u32) -> EdgeLabel {
        EdgeLabel(Rendered::two(EdgeType::Element as u32, index))
    }

    /// The label of an engine-internal link that has a number only.
    #[inline]
    #[must_use]
    pub fn hidden(index: u32) -> EdgeLabel {
        EdgeLabel(Rendered::two(EdgeType::Hidden as u32, index))
    }

    /// A label that fills unused places of a batch.
    pub(super) const UNUSED: EdgeLabel = EdgeLabel(Rendered {
        bytes: [0; BYTES],
        length: 0,
    });

    #[inline(always)]
    pub(super) fn put<const N: usize>(&self, out: &mut [u8; N]) -> usize {
        put(out, &self.0)
    }
}

impl std::fmt::Debug for EdgeLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EdgeLabel({})", self.0.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_read_as_in_the_file() {
        let name = Name::EMPTY;
        assert_eq!(NodeLabel::new(NodeType::Synthetic, name).0.text(), "9,1,");
        assert_eq!(
            NodeLabel::new(NodeType::ObjectShape, name).0.text(),
            "14,1,"
        );
        assert_eq!(EdgeLabel::named(EdgeType::Weak, name).0.text(), "6,1,");
        assert_eq!(EdgeLabel::element(u32::MAX).0.text(), "1,4294967295,");
        assert_eq!(EdgeLabel::hidden(0).0.text(), "4,0,");
    }

    #[test]
    #[should_panic(expected = "have numbers")]
    fn elements_have_no_names() {
        let _ = EdgeLabel::named(EdgeType::Element, Name::EMPTY);
    }
}
