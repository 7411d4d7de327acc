//! Paths from the root, as people would describe them, and their shapes.
//!
//! [`Tree`] has the cheapest path to every node; [`Shapes`] says which paths look alike: the same variables, properties
//! and classes on the way, whatever the elements are called. Nodes of one shape do one job, in one snapshot or in
//! several, of one process or of different ones.

mod shapes;
mod tree;

pub(crate) use shapes::{Shape, ShapeCensus, Shapes, is_dictionary};
pub(crate) use tree::Tree;
