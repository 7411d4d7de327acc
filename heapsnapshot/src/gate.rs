//! Gate: budgets for snapshots, for continuous integration.
//!
//! A budget is for one snapshot, for growth against a baseline (a snapshot, or figures that stand in the file), or for
//! growth per round over a series of snapshots, one after each round of the same work.
//!
//! ```
//! use heapsnapshot::gate::Budgets;
//!
//! let budgets = Budgets::parse(r#"
//!     [total]
//!     max_bytes = 50_000_000
//!     max_growth_percent = 10.0     # against the baseline
//!     max_bytes_per_round = 20_000
//!
//!     [[class]]
//!     name = "Session"
//!     max_count = 1000
//!     max_count_per_round = 0
//!
//!     [baseline]                    # or: file = "baseline.heapsnapshot"
//!     total_bytes = 45_000_000
//!     [[baseline.class]]
//!     name = "Session"
//!     count = 800
//!     bytes = 64_000
//! "#).unwrap();
//! assert_eq!(budgets.class[0].name, "Session");
//! assert_eq!(budgets.baseline.unwrap().total_bytes, Some(45_000_000));
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use hashbrown::HashMap;
use toml::de::{DeTable, DeValue};

use crate::analysis::growth::slope;
use crate::analysis::summary::{GroupBy, summary};
use crate::graph::Snapshot;
use crate::toml_file;

/// The budgets of a TOML file.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// For everything together.
    pub total: Option<TotalBudget>,
    /// Per class.
    #[serde(default)]
    pub class: Vec<ClassBudget>,
    /// What growth is counted from.
    pub baseline: Option<Baseline>,
    /// The lines that the budgets stand in, of everything and of each class.
    #[serde(skip)]
    lines: Lines,
}

/// The budget of everything together.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table of budgets, such as [total] with max_bytes"
)]
pub struct TotalBudget {
    /// Bytes.
    pub max_bytes: Option<u64>,
    /// Bytes more than in the baseline.
    pub max_growth_bytes: Option<u64>,
    /// Percent more than in the baseline.
    pub max_growth_percent: Option<f64>,
    /// Bytes more per round (least squares over the series).
    pub max_bytes_per_round: Option<u64>,
}

/// The budget of a class.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table, such as [[class]] with a name and max_count"
)]
pub struct ClassBudget {
    /// The class, as the summary names it.
    pub name: String,
    /// Objects.
    pub max_count: Option<u64>,
    /// Their own bytes.
    pub max_bytes: Option<u64>,
    /// Bytes that would go with them.
    pub max_retained: Option<u64>,
    /// Objects more than in the baseline.
    pub max_growth_count: Option<u64>,
    /// Bytes more than in the baseline.
    pub max_growth_bytes: Option<u64>,
    /// Objects more per round (least squares over the series).
    pub max_count_per_round: Option<u64>,
    /// Bytes more per round (least squares over the series).
    pub max_bytes_per_round: Option<u64>,
}

/// What growth is counted from: a snapshot's file, or its figures.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table, such as [baseline] with a file"
)]
pub struct Baseline {
    /// A snapshot, relative to the budgets' file.
    pub file: Option<PathBuf>,
    /// Own bytes of everything.
    pub total_bytes: Option<u64>,
    /// Classes; those that are not listed have nothing.
    #[serde(default)]
    pub class: Vec<BaselineClass>,
}

/// The figures of a class in the baseline.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineClass {
    /// The class, as the summary names it.
    pub name: String,
    /// Objects.
    #[serde(default)]
    pub count: u64,
    /// Their own bytes.
    #[serde(default)]
    pub bytes: u64,
}

/// The budgets cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BudgetError(String);

/// A budget and what there is.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Check {
    /// What it is about: `total` or a class.
    pub subject: String,
    /// Which budget, as the TOML file names it.
    pub budget: &'static str,
    /// The most there may be.
    pub limit: f64,
    /// What there is; nothing if a baseline or a series is needed and was not given.
    pub actual: Option<f64>,
    /// Whether there is too much.
    pub broken: bool,
    /// The line of the budgets' file, from 1, that the budget stands in.
    pub line: usize,
}

/// The lines of a table's keys.
type KeyLines = HashMap<String, usize>;

/// Where the keys of the budgets' file stand, lines from 1.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lines {
    total: KeyLines,
    /// Per class, in the file's order.
    class: Vec<KeyLines>,
}

impl Lines {
    /// Of a file that is valid; of any other, none.
    fn find(text: &str) -> Lines {
        let starts: Vec<usize> = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let keys = |value: &DeValue<'_>| -> KeyLines {
            let Some(table) = value.as_table() else {
                return KeyLines::new();
            };
            let line = |offset| starts.partition_point(|&start| start <= offset);
            table
                .keys()
                .map(|key| (key.get_ref().to_string(), line(key.span().start)))
                .collect()
        };
        let Ok(root) = DeTable::parse(text) else {
            return Lines::default();
        };
        let classes = root.get_ref().get("class").map(|value| value.get_ref());
        let classes = classes.and_then(DeValue::as_array);
        Lines {
            total: root
                .get_ref()
                .get("total")
                .map(|value| keys(value.get_ref()))
                .unwrap_or_default(),
            class: classes
                .into_iter()
                .flat_map(|classes| classes.iter())
                .map(|class| keys(class.get_ref()))
                .collect(),
        }
    }
}

impl Budgets {
    /// Reads budgets from TOML.
    ///
    /// # Errors
    /// One line with place and reason.
    pub fn parse(text: &str) -> Result<Budgets, BudgetError> {
        let mut budgets: Budgets = toml_file::parse(text).map_err(BudgetError)?;
        budgets.lines = Lines::find(text);
        if let Some(baseline) = &budgets.baseline
            && baseline.file.is_some()
            && (baseline.total_bytes.is_some() || !baseline.class.is_empty())
        {
            return Err(BudgetError(
                "[baseline] has a file and figures; keep one of them".to_owned(),
            ));
        }
        Ok(budgets)
    }
}

/// Count, own bytes and retained bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    count: u64,
    bytes: u64,
    retained: u64,
}

/// The figures of one snapshot that budgets are about; the snapshot itself need not be kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    total: Option<u64>,
    rows: HashMap<String, Row>,
}

impl Measured {
    /// Measures a snapshot. Complexity: one summary.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Measured {
        let table = summary(snapshot, GroupBy::Name, None);
        let rows = table.rows.into_iter().map(|row| {
            let figures = Row {
                count: row.count,
                bytes: row.shallow,
                retained: row.retained,
            };
            (row.name, figures)
        });
        Measured {
            total: Some(table.shallow),
            rows: rows.collect(),
        }
    }

    fn row(&self, class: &str) -> Row {
        self.rows.get(class).copied().unwrap_or_default()
    }
}

impl From<&Baseline> for Measured {
    /// The figures that stand in the budgets' file.
    fn from(baseline: &Baseline) -> Measured {
        let rows = baseline.class.iter().map(|class| {
            let figures = Row {
                count: class.count,
                bytes: class.bytes,
                retained: 0,
            };
            (class.name.clone(), figures)
        });
        Measured {
            total: baseline.total_bytes,
            rows: rows.collect(),
        }
    }
}

/// Checks every budget for the last snapshot of a series, oldest first.
///
/// Budgets of growth need a `baseline` (without one the figures of the budgets' file are taken, if it has any), those
/// per round two snapshots or more; without, they are not broken, and [`Check::actual`] is nothing.
#[must_use]
pub fn gate(series: &[Measured], baseline: Option<&Measured>, budgets: &Budgets) -> Vec<Check> {
    let Some(now) = series.last() else {
        return Vec::new();
    };
    let figures = budgets
        .baseline
        .as_ref()
        .filter(|baseline| baseline.file.is_none())
        .map(Measured::from);
    let before = baseline.or(figures.as_ref());
    let per_round = |get: &dyn Fn(&Measured) -> u64| {
        (series.len() > 1).then(|| slope(&series.iter().map(get).collect::<Vec<_>>()))
    };
    let mut checks = Vec::new();
    let nowhere = KeyLines::new();
    let mut check = |lines: &KeyLines, subject: &str, budget, limit, actual: Option<f64>| {
        if let Some(limit) = limit {
            checks.push(Check {
                subject: subject.to_owned(),
                budget,
                limit,
                actual,
                broken: actual.is_some_and(|actual| actual > limit),
                line: lines.get(budget).copied().unwrap_or(1),
            });
        }
    };
    let number = |limit: Option<u64>| limit.map(|limit| limit as f64);
    let more = |now: u64, old: u64| now as f64 - old as f64;
    if let Some(total) = &budgets.total {
        let bytes = now.total.unwrap_or(0);
        let old = before.and_then(|before| before.total);
        let growth = old.map(|old| more(bytes, old));
        let percent = old.map(|old| more(bytes, old) * 100.0 / old.max(1) as f64);
        let rounds = per_round(&|m| m.total.unwrap_or(0));
        let lines = &budgets.lines.total;
        let mut check = |budget, limit, actual| check(lines, "total", budget, limit, actual);
        check("max_bytes", number(total.max_bytes), Some(bytes as f64));
        check("max_growth_bytes", number(total.max_growth_bytes), growth);
        check("max_growth_percent", total.max_growth_percent, percent);
        check(
            "max_bytes_per_round",
            number(total.max_bytes_per_round),
            rounds,
        );
    }
    for (at, class) in budgets.class.iter().enumerate() {
        let lines = budgets.lines.class.get(at).unwrap_or(&nowhere);
        let row = now.row(&class.name);
        let old = before.map(|before| before.row(&class.name));
        let count_growth = old.map(|old| more(row.count, old.count));
        let byte_growth = old.map(|old| more(row.bytes, old.bytes));
        let count_rounds = per_round(&|m| m.row(&class.name).count);
        let byte_rounds = per_round(&|m| m.row(&class.name).bytes);
        let figures: [(_, _, Option<f64>); 7] = [
            ("max_count", class.max_count, Some(row.count as f64)),
            ("max_bytes", class.max_bytes, Some(row.bytes as f64)),
            (
                "max_retained",
                class.max_retained,
                Some(row.retained as f64),
            ),
            ("max_growth_count", class.max_growth_count, count_growth),
            ("max_growth_bytes", class.max_growth_bytes, byte_growth),
            (
                "max_count_per_round",
                class.max_count_per_round,
                count_rounds,
            ),
            (
                "max_bytes_per_round",
                class.max_bytes_per_round,
                byte_rounds,
            ),
        ];
        for (budget, limit, actual) in figures {
            check(lines, &class.name, budget, number(limit), actual);
        }
    }
    checks
}

/// The result as SARIF 2.1.0, for tools that show findings beside the file that sets the budgets.
#[must_use]
pub fn sarif(checks: &[Check], budgets_file: &str) -> serde_json::Value {
    let broken = || checks.iter().filter(|check| check.broken);
    let ids: BTreeMap<&str, usize> = broken().map(|check| (check.budget, 0)).collect();
    let ids: BTreeMap<&str, usize> = ids.into_keys().zip(0..).collect();
    let rules: Vec<_> = ids
        .keys()
        .map(|id| {
            serde_json::json!({
                "id": id,
                "shortDescription": { "text": format!("A heap snapshot must keep {id}.") },
                "defaultConfiguration": { "level": "error" },
            })
        })
        .collect();
    let results: Vec<_> = broken()
        .map(|check| {
            serde_json::json!({
                "ruleId": check.budget,
                "ruleIndex": ids[check.budget],
                "level": "error",
                "message": { "text": check.sentence() },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": uri(budgets_file) },
                    "region": { "startLine": check.line },
                } }],
                "partialFingerprints": { "budget/v1": format!("{}/{}", check.subject, check.budget) },
            })
        })
        .collect();
    serde_json::json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "heaplab",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A path as a URI reference (RFC 3986): what may not stand in one is written as `%` and two digits.
fn uri(path: &str) -> String {
    let mut out = String::new();
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte as char);
            }
            b'\\' if cfg!(windows) => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

impl Check {
    /// The check in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (subject, budget, limit) = (&self.subject, self.budget, self.limit);
        match self.actual {
            None if budget.ends_with("_per_round") => {
                format!("{subject}: {budget} = {limit} needs two snapshots or more")
            }
            None => format!("{subject}: {budget} = {limit} needs a baseline"),
            Some(actual) if self.broken => {
                format!("{subject}: {actual:.0} exceeds {budget} = {limit}")
            }
            Some(actual) => format!("{subject}: {actual:.0} is within {budget} = {limit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Builder;

    fn sessions(count: u32) -> Snapshot {
        let mut graph = Builder::new();
        for at in 0..count {
            let session = graph.node("object", "Session", 3 + 2 * at, 100);
            graph.edge(0, "property", "session", session);
        }
        graph.read()
    }

    fn measured(count: u32) -> Measured {
        Measured::of(&sessions(count))
    }

    const BUDGETS: &str = "[total]\nmax_bytes = 1000\nmax_growth_percent = 50.0\n\
        [[class]]\nname = \"Session\"\nmax_count = 8\nmax_growth_count = 3\nmax_retained = 5000\n\
        [[class]]\nname = \"Missing\"\nmax_count = 0\n";

    #[test]
    fn budgets_hold_or_break() {
        let budgets = Budgets::parse(BUDGETS).unwrap();
        let broken = |now, before: Option<u32>| -> Vec<&'static str> {
            let before = before.map(measured);
            let checks = gate(&[measured(now)], before.as_ref(), &budgets);
            checks
                .into_iter()
                .filter(|check| check.broken)
                .map(|check| check.budget)
                .collect()
        };
        assert_eq!(broken(8, None), [""; 0]);
        assert_eq!(broken(8, Some(6)), [""; 0]);
        assert_eq!(
            broken(8, Some(4)),
            ["max_growth_percent", "max_growth_count"]
        );
        assert_eq!(broken(11, Some(10)), ["max_bytes", "max_count"]);
    }

    #[test]
    fn growth_without_a_baseline_is_said() {
        let checks = gate(&[measured(1)], None, &Budgets::parse(BUDGETS).unwrap());
        let waiting: Vec<_> = checks
            .iter()
            .filter(|check| check.actual.is_none())
            .map(Check::sentence)
            .collect();
        assert_eq!(waiting.len(), 2);
        assert_eq!(
            waiting[0],
            "total: max_growth_percent = 50 needs a baseline"
        );
    }

    #[test]
    fn mistakes_in_the_file_have_a_line() {
        let error = Budgets::parse("[total]\nmax_bytes = 1\nmax_byte = 2\n")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("line 3: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn the_file_may_have_the_baseline_s_figures() {
        let text = "[total]\nmax_growth_bytes = 100\n[[class]]\nname = \"Session\"\nmax_growth_count = 1\n\
            [baseline]\ntotal_bytes = 300\n[[baseline.class]]\nname = \"Session\"\ncount = 3\nbytes = 300\n";
        let budgets = Budgets::parse(text).unwrap();
        let broken = |now| {
            let checks = gate(&[measured(now)], None, &budgets);
            checks.iter().filter(|check| check.broken).count()
        };
        assert_eq!((broken(4), broken(5)), (0, 2));
        // A snapshot that is given comes first.
        let checks = gate(&[measured(5)], Some(&measured(5)), &budgets);
        assert!(checks.iter().all(|check| check.actual == Some(0.0)));
        let both = Budgets::parse("[baseline]\nfile = \"a\"\ntotal_bytes = 1\n").unwrap_err();
        assert!(both.to_string().contains("keep one"), "{both}");
    }

    #[test]
    fn growth_per_round_is_the_slope_of_the_series() {
        let text = "[total]\nmax_bytes_per_round = 150\n[[class]]\nname = \"Session\"\nmax_count_per_round = 1\n";
        let budgets = Budgets::parse(text).unwrap();
        let actual = |counts: &[u32]| -> Vec<Option<f64>> {
            let series: Vec<Measured> = counts.iter().map(|&count| measured(count)).collect();
            let checks = gate(&series, None, &budgets);
            checks.iter().map(|check| check.actual).collect()
        };
        assert_eq!(actual(&[5]), [None, None]);
        assert_eq!(actual(&[5, 6, 7]), [Some(100.0), Some(1.0)]);
        assert_eq!(actual(&[5, 7, 9]), [Some(200.0), Some(2.0)]);
        let series = [measured(5), measured(7), measured(9)];
        assert!(
            gate(&series, None, &budgets)
                .iter()
                .all(|check| check.broken)
        );
    }

    /// What SARIF 2.1.0 asks of a log like ours: required properties, the types and ranges of all, and that indexes
    /// point where the ids say (OASIS, sections 3.13, 3.14, 3.18, 3.19, 3.27, 3.29, 3.30, 3.49).
    fn check_sarif(log: &serde_json::Value) {
        assert_eq!(log["version"], "2.1.0");
        assert!(log["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
        for run in log["runs"].as_array().unwrap() {
            let driver = &run["tool"]["driver"];
            assert!(!driver["name"].as_str().unwrap().is_empty());
            assert!(
                driver["informationUri"]
                    .as_str()
                    .unwrap()
                    .starts_with("https://")
            );
            let rules = driver["rules"].as_array().unwrap();
            let mut ids: Vec<&str> = rules.iter().map(|r| r["id"].as_str().unwrap()).collect();
            ids.dedup();
            assert_eq!(ids.len(), rules.len());
            assert!(
                ["utf16CodeUnits", "unicodeCodePoints"]
                    .contains(&run["columnKind"].as_str().unwrap())
            );
            for result in run["results"].as_array().unwrap() {
                let index = result["ruleIndex"].as_u64().unwrap() as usize;
                assert_eq!(rules[index]["id"], result["ruleId"]);
                let level = result["level"].as_str().unwrap();
                assert!(["none", "note", "warning", "error"].contains(&level));
                assert!(!result["message"]["text"].as_str().unwrap().is_empty());
                for location in result["locations"].as_array().unwrap() {
                    let place = &location["physicalLocation"];
                    let uri = place["artifactLocation"]["uri"].as_str().unwrap();
                    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/:%".contains(c);
                    assert!(uri.chars().all(allowed), "{uri}");
                    assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
                }
            }
        }
    }

    #[test]
    fn sarif_lists_what_is_broken() {
        let checks = gate(&[measured(11)], None, &Budgets::parse(BUDGETS).unwrap());
        let report = sarif(&checks, "my budgets/ä.toml");
        check_sarif(&report);
        check_sarif(&sarif(&[], "budgets.toml"));
        let results = report["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        assert_eq!(
            results[0]["message"]["text"],
            "total: 1100 exceeds max_bytes = 1000"
        );
        let place = |at: usize| &results[at]["locations"][0]["physicalLocation"];
        assert_eq!(
            place(0)["artifactLocation"]["uri"],
            "my%20budgets/%C3%A4.toml"
        );
        assert_eq!(place(0)["region"]["startLine"], 2);
        assert_eq!(place(1)["region"]["startLine"], 6);
    }

    #[test]
    fn a_budget_has_its_own_line_however_it_is_written() {
        let text = "class = [\n  { name = \"Session\", max_count = 1 },\n  { name = \"Other\",\n    \"max_count\" = 0,\n\
            max_bytes = 0 },\n]\n\ntotal.max_bytes = 1\n# more\ntotal.'max_growth_bytes' = 2\n";
        let budgets = Budgets::parse(text).unwrap();
        let checks = gate(&[measured(2)], None, &budgets);
        let lines: Vec<_> = checks
            .iter()
            .map(|check| (check.subject.as_str(), check.budget, check.line))
            .collect();
        assert_eq!(
            lines,
            [
                ("total", "max_bytes", 8),
                ("total", "max_growth_bytes", 10),
                ("Session", "max_count", 2),
                ("Other", "max_count", 4),
                ("Other", "max_bytes", 5),
            ]
        );
    }
}
