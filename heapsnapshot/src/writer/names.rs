//! The names a snapshot needs: classes, fields, groups. Each is held once; the texts of string nodes are not here.

use bumpalo::Bump;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// A name's place in the file's `strings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(u32);

impl Name {
    /// The empty name.
    pub const EMPTY: Name = Name(1);

    /// The index in `strings`.
    #[inline]
    #[must_use]
    pub fn index(self) -> u32 {
        self.0
    }
}

/// Interns names; their texts live in an arena that the caller owns, so that everything goes at once.
#[derive(Debug)]
pub struct NameTable<'a> {
    arena: &'a Bump,
    texts: Vec<&'a str>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<'a> NameTable<'a> {
    /// A table that holds V8's `<dummy>` (index 0, which DevTools' readers take for "none") and the empty name.
    pub(super) fn new(arena: &'a Bump) -> NameTable<'a> {
        let mut table = NameTable {
            arena,
            texts: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        };
        table.intern("<dummy>");
        let empty = table.intern("");
        debug_assert_eq!(empty, Name::EMPTY);
        table
    }

    /// The name with this text, added if it is new.
    ///
    /// # Panics
    ///
    /// If there are 2^30 names already: DevTools packs a name's index into 30 bits.
    pub fn intern(&mut self, text: &str) -> Name {
        let hash = self.hasher.hash_one(text);
        if let Some(&found) = self.index.find(hash, |&at| self.texts[at as usize] == text) {
            return Name(found);
        }
        assert!(
            self.texts.len() < 1 << 30,
            "too many distinct class and field names"
        );
        let at = self.texts.len() as u32;
        self.texts.push(self.arena.alloc_str(text));
        let (texts, hasher) = (&self.texts, &self.hasher);
        self.index
            .insert_unique(hash, at, |&at| hasher.hash_one(texts[at as usize]));
        Name(at)
    }

    /// The name with this text, if it was interned.
    #[must_use]
    pub fn get(&self, text: &str) -> Option<Name> {
        let hash = self.hasher.hash_one(text);
        self.index
            .find(hash, |&at| self.texts[at as usize] == text)
            .map(|&at| Name(at))
    }

    /// All names, in the order of their indexes.
    pub(super) fn texts(&self) -> &[&'a str] {
        &self.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_index() {
        let arena = Bump::new();
        let mut names = NameTable::new(&arena);
        let many: Vec<Name> = (0..1000)
            .map(|n| names.intern(&format!("field{n}")))
            .collect();
        for (n, &name) in many.iter().enumerate() {
            assert_eq!(names.intern(&format!("field{n}")), name);
            assert_eq!(names.get(&format!("field{n}")), Some(name));
            assert_eq!(names.texts()[name.index() as usize], format!("field{n}"));
        }
        assert_eq!(names.get("absent"), None);
        assert_eq!(names.texts().len(), 1002);
        assert_eq!(names.texts()[..2], ["<dummy>", ""]);
    }
}
