//! "Did you mean …?"

/// The name nearest to `given`, if it takes few enough changes to be a slip.
pub(crate) fn nearest<'n>(
    given: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let given = given.to_lowercase();
    names
        .into_iter()
        .map(|name| (distance(&given, name), name))
        .filter(|&(changes, name)| changes <= 1 + name.chars().count() / 3)
        .min_by_key(|&(changes, _)| changes)
        .map(|(_, name)| name)
}

/// Insertions, removals, replacements and swaps of neighbours that turn `a` into `b` (optimal string
/// alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = above[j] + usize::from(a[i] != b[j]);
            let mut least = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["cache", "queue", "closures"];
        assert_eq!(nearest("cahce", names), Some("cache"));
        assert_eq!(nearest("Queue", names), Some("queue"));
        assert_eq!(nearest("closure", names), Some("closures"));
        assert_eq!(nearest("teapot", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn distances_count_single_changes() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
        assert_eq!(distance("entires", "entries"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
