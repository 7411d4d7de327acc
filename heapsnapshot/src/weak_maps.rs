//! WeakMap entries: two edges to one value, told apart by their names.
//!
//! V8 writes an entry as an internal edge from the key and one from the table, both to the value,
//! both named `7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @9)`. The value lives
//! as long as key and table do; DevTools lets only the key's edge retain it.
//!
//! Source: `V8HeapExplorer::ExtractEphemeronHashTableReferences` in V8's `heap-snapshot-generator.cc` writes the names,
//! `tryParseWeakMapEdgeName` in DevTools' `HeapSnapshot.ts` reads them. Oracle: `is_essential` in `src/tests/naive.rs`.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use hashbrown::HashMap;
use memchr::memchr3_iter;
use memchr::memmem::Finder;

use crate::bits::BitSet;
use crate::strings::StringTable;

/// The strings that name WeakMap entries.
#[derive(Debug, Default)]
pub(crate) struct WeakMapEdges {
    is_name: BitSet,
    /// Of `is_name`.
    ranks: Vec<u32>,
    /// What the names say, in their order.
    entries: Vec<WeakMapEntry>,
    range: Option<Range<u32>>,
}

/// What such a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WeakMapEntry {
    /// The same for the two edges of an entry.
    pub(crate) pair: u32,
    /// Id of the table.
    pub(crate) table: u64,
}

impl WeakMapEdges {
    /// Complexity: one search over the text of all strings.
    pub(crate) fn find(strings: &StringTable) -> WeakMapEdges {
        let candidates = strings.containing("pair in WeakMap (table @");
        let mut entries = Vec::with_capacity(candidates.len());
        let mut range: Option<Range<u32>> = None;
        let mut is_name = BitSet::default();
        // The number of each pair. Two edges name it, and seldom more.
        let mut pairs: HashMap<Cow<'_, [u8]>, u32> = HashMap::with_capacity(candidates.len() / 2);
        for index in candidates {
            let name = strings.wtf8(index);
            let Some((pair, table)) = parse(&name) else {
                continue;
            };
            let next = pairs.len() as u32;
            let pair = match name {
                // What stands in the table of strings need not be copied.
                Cow::Borrowed(name) => Cow::Borrowed(&name[name.len() - pair.len()..]),
                Cow::Owned(_) => Cow::Owned(pair.to_vec()),
            };
            let pair = *pairs.entry(pair).or_insert(next);
            if entries.is_empty() {
                is_name = BitSet::new(strings.len());
            }
            is_name.insert(index as usize);
            // The indexes come in ascending order.
            entries.push(WeakMapEntry { pair, table });
            range = Some(range.map_or(index, |range| range.start)..index + 1);
        }
        entries.shrink_to_fit();
        WeakMapEdges {
            ranks: is_name.ranks(),
            is_name,
            entries,
            range,
        }
    }

    /// Between which string indexes the names lie; `None` if there are none.
    pub(crate) fn range(&self) -> Option<Range<u32>> {
        self.range.clone()
    }

    /// What the name of an internal edge says, if it names an entry.
    #[inline(always)]
    pub(crate) fn entry(&self, name: u32) -> Option<WeakMapEntry> {
        let name = name as usize;
        if !self.is_name.contains(name) {
            return None;
        }
        let rank = self.is_name.rank(name, &self.ranks);
        self.entries.get(rank).copied()
    }
}

/// What stands between an entry's key and its value.
const MIDDLE: &[u8] = b") -> value (";
/// Making a searcher takes longer than searching a name: one serves for all.
static MIDDLE_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MIDDLE));

/// Takes an entry's name apart: what both edges share, and the table's id.
pub(crate) fn parse(name: &[u8]) -> Option<(&[u8], u64)> {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (_, pair) = name.split_at_checked(digits).filter(|_| digits > 0)?;
    let inner = pair.strip_prefix(b" / part of key (")?.strip_suffix(b")")?;
    let table_digits = inner
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (inner, table) = inner.split_at(inner.len() - table_digits);
    let inner = inner.strip_suffix(b" pair in WeakMap (table @")?;
    let table = std::str::from_utf8(table).ok()?.parse().ok()?;
    let found = MIDDLE_FINDER.find_iter(inner).any(|at| {
        let (key, value) = (&inner[..at], &inner[at + MIDDLE.len()..]);
        value.strip_suffix(b")").is_some_and(names_a_node) && names_a_node(key)
    });
    found.then_some((pair, table))
}

/// `… @123`, on one line.
fn names_a_node(text: &[u8]) -> bool {
    let digits = text
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (name, _) = text.split_at(text.len() - digits);
    // A dot in JavaScript's expressions matches no line break; U+2028 and U+2029 are breaks, too.
    let breaks = |name: &[u8]| {
        memchr3_iter(b'\n', b'\r', 0xe2, name).any(|at| {
            name[at] != 0xe2 || matches!(name.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9]))
        })
    };
    digits > 0 && name.strip_suffix(b" @").is_some_and(|name| !breaks(name))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn entries_are_recognised() {
        let name = b"7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @9)";
        assert_eq!(parse(name), Some((&name[1..], 9)));
        let odd = "12 / part of key () -> value (x @1) @3) -> value ((a) @77) pair in WeakMap (table @123456)";
        assert_eq!(parse(odd.as_bytes()).map(|(_, table)| table), Some(123_456));
    }

    #[test]
    fn other_names_are_not() {
        for name in [
            "",
            "7",
            " / part of key (K @3) -> value (V @5) pair in WeakMap (table @9)",
            "7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @)",
            "7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @9) ",
            "7 / part of key (K) -> value (V @5) pair in WeakMap (table @9)",
            "7 / part of key (K @3) -> value (V @) pair in WeakMap (table @9)",
            "7 / part of key (K\n @3) -> value (V @5) pair in WeakMap (table @9)",
            "x7 / part of key (K @3) -> value (V @5) pair in WeakMap (table @9)",
        ] {
            assert_eq!(parse(name.as_bytes()), None, "{name}");
        }
    }
}
