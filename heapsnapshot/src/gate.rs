//! Gate: budgets for a snapshot, for continuous integration.
//!
//! ```
//! use heapsnapshot::gate::Budgets;
//!
//! let budgets = Budgets::parse(r#"
//!     [total]
//!     max_bytes = 50_000_000
//!     max_growth_percent = 10.0   # against the baseline
//!
//!     [[class]]
//!     name = "Session"
//!     max_count = 1000
//! "#).unwrap();
//! assert_eq!(budgets.class[0].name, "Session");
//! ```

use hashbrown::HashMap;

use crate::analysis::summary::{GroupBy, SummaryRow, summary};
use crate::graph::Snapshot;

/// The budgets of a TOML file.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// For everything together.
    #[serde(default)]
    pub total: TotalBudget,
    /// Per class.
    #[serde(default)]
    pub class: Vec<ClassBudget>,
}

/// The budget of everything together.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalBudget {
    /// Bytes.
    pub max_bytes: Option<u64>,
    /// Bytes more than in the baseline.
    pub max_growth_bytes: Option<u64>,
    /// Percent more than in the baseline.
    pub max_growth_percent: Option<f64>,
}

/// The budget of a class.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// What there is; nothing if a baseline is needed and was not given.
    pub actual: Option<f64>,
    /// Whether there is too much.
    pub broken: bool,
}

impl Budgets {
    /// Reads budgets from TOML.
    ///
    /// # Errors
    /// One line with place and reason.
    pub fn parse(text: &str) -> Result<Budgets, BudgetError> {
        toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            BudgetError(format!(
                "line {line}: {}",
                error.message().replace('\n', " ")
            ))
        })
    }
}

/// Bytes and rows of a snapshot, by class name.
struct Measured {
    total: u64,
    rows: HashMap<String, SummaryRow>,
}

impl Measured {
    fn of(snapshot: &Snapshot) -> Measured {
        let table = summary(snapshot, GroupBy::Name, None);
        let rows = table
            .rows
            .into_iter()
            .map(|row| (row.name.clone(), row))
            .collect();
        Measured {
            total: table.shallow,
            rows,
        }
    }

    fn row(&self, class: &str) -> (u64, u64, u64) {
        self.rows
            .get(class)
            .map_or((0, 0, 0), |row| (row.count, row.shallow, row.retained))
    }
}

/// Checks every budget; budgets of growth need a `baseline`, and without one they are not broken.
///
/// Complexity: one summary per snapshot.
#[must_use]
pub fn gate(snapshot: &Snapshot, baseline: Option<&Snapshot>, budgets: &Budgets) -> Vec<Check> {
    let now = Measured::of(snapshot);
    let before = baseline.map(Measured::of);
    let mut checks = Vec::new();
    let mut check = |subject: &str, budget, limit: Option<f64>, actual: Option<f64>| {
        if let Some(limit) = limit {
            let broken = actual.is_some_and(|actual| actual > limit);
            checks.push(Check {
                subject: subject.to_owned(),
                budget,
                limit,
                actual,
                broken,
            });
        }
    };
    let number = |limit: Option<u64>| limit.map(|limit| limit as f64);
    let total = &budgets.total;
    let growth = before
        .as_ref()
        .map(|before| now.total as f64 - before.total as f64);
    let percent = before
        .as_ref()
        .zip(growth)
        .map(|(before, growth)| growth * 100.0 / before.total.max(1) as f64);
    check(
        "total",
        "max_bytes",
        number(total.max_bytes),
        Some(now.total as f64),
    );
    check(
        "total",
        "max_growth_bytes",
        number(total.max_growth_bytes),
        growth,
    );
    check(
        "total",
        "max_growth_percent",
        total.max_growth_percent,
        percent,
    );
    for class in &budgets.class {
        let (count, bytes, retained) = now.row(&class.name);
        let old = before.as_ref().map(|before| before.row(&class.name));
        check(
            &class.name,
            "max_count",
            number(class.max_count),
            Some(count as f64),
        );
        check(
            &class.name,
            "max_bytes",
            number(class.max_bytes),
            Some(bytes as f64),
        );
        check(
            &class.name,
            "max_retained",
            number(class.max_retained),
            Some(retained as f64),
        );
        let more = old.map(|(old, _, _)| count as f64 - old as f64);
        check(
            &class.name,
            "max_growth_count",
            number(class.max_growth_count),
            more,
        );
        let more = old.map(|(_, old, _)| bytes as f64 - old as f64);
        check(
            &class.name,
            "max_growth_bytes",
            number(class.max_growth_bytes),
            more,
        );
    }
    checks
}

/// The result as SARIF 2.1.0, for tools that show findings beside the file that sets the budgets.
#[must_use]
pub fn sarif(checks: &[Check], budgets_file: &str) -> serde_json::Value {
    let results: Vec<_> = checks
        .iter()
        .filter(|check| check.broken)
        .map(|check| {
            serde_json::json!({
                "ruleId": check.budget,
                "level": "error",
                "message": { "text": check.sentence() },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": budgets_file } } }],
            })
        })
        .collect();
    serde_json::json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": { "name": "heaplab", "version": env!("CARGO_PKG_VERSION") } }, "results": results }],
    })
}

impl Check {
    /// The check in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (subject, budget, limit) = (&self.subject, self.budget, self.limit);
        match self.actual {
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

    const BUDGETS: &str = "[total]\nmax_bytes = 1000\nmax_growth_percent = 50.0\n\
        [[class]]\nname = \"Session\"\nmax_count = 8\nmax_growth_count = 3\nmax_retained = 5000\n\
        [[class]]\nname = \"Missing\"\nmax_count = 0\n";

    #[test]
    fn budgets_hold_or_break() {
        let budgets = Budgets::parse(BUDGETS).unwrap();
        let broken = |now, before: Option<u32>| -> Vec<&'static str> {
            let before = before.map(sessions);
            let checks = gate(&sessions(now), before.as_ref(), &budgets);
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
        let checks = gate(&sessions(1), None, &Budgets::parse(BUDGETS).unwrap());
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
    fn sarif_lists_what_is_broken() {
        let checks = gate(&sessions(11), None, &Budgets::parse(BUDGETS).unwrap());
        let report = sarif(&checks, "budgets.toml");
        let results = report["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        assert_eq!(
            results[0]["message"]["text"],
            "total: 1100 exceeds max_bytes = 1000"
        );
    }
}
