//! The finder: snapshots in, findings out.

use hashbrown::{HashMap, HashSet};

use super::across;
use super::candidates::{Cluster, clusters};
use super::class::ItemClass;
use super::finding::{Finding, LeakReport, Matched, Verdict};
use super::ids::Persistent;
use super::judge::{Figures, change, judge};
use super::measure::{Measure, Tally};
use super::overlap::{self, Found};
use super::place::{self, Place};
use super::rules::{LoadedModules, steps};
use super::settings::{Settings, Thresholds};
use super::single;
use super::stores;
use super::unexplained;
use crate::analysis::diff::{Matching, guess_matching};
use crate::analysis::filter::last_id;
use crate::graph::Snapshot;
use crate::paths::Tree;

/// Looks for leaks in snapshots, oldest first.
///
/// Three or more show growth that goes on; two show growth; one shows nothing of growth, and its large
/// collections are listed as "cannot tell". Objects are matched as `matching` says, or as the ids suggest. `today`
/// (`yyyy-mm-dd`) decides on the allow-list.
#[must_use]
pub fn find(
    snapshots: &[Snapshot],
    matching: Option<Matching>,
    settings: &Settings,
    today: &str,
) -> LeakReport {
    let mut report = LeakReport {
        matched: Matched::Alone,
        ..LeakReport::default()
    };
    let mut note = |text: &str| report.notes.push(text.to_owned());
    let (first, last) = match snapshots {
        [] => {
            note("no snapshot was given");
            return report;
        }
        [only] => {
            note(
                "one snapshot shows no growth: what is large is listed; take three under equal load",
            );
            sort_out(single::suspects(only), &mut report, settings, today);
            unexplained::say(snapshots, &settings.thresholds, &mut report);
            return report;
        }
        [first, .., last] => (first, last),
    };
    if snapshots.len() == 2 {
        note("two snapshots show growth, not that it goes on: take a third");
    }
    let findings = match matching.unwrap_or_else(|| guess_matching(first, last)) {
        Matching::Id => {
            report.matched = Matched::Id;
            within(snapshots, settings)
        }
        Matching::Class => {
            note(
                "the snapshots come from different processes: compared by class and by the shape of the paths, so that \
                 what is replaced cannot be told from what stays",
            );
            report.matched = Matched::Shape;
            across::findings(snapshots, settings)
        }
    };
    sort_out(findings, &mut report, settings, today);
    overlap::note(&mut report);
    unexplained::say(snapshots, &settings.thresholds, &mut report);
    report
}

/// Puts findings where they belong, those with most growth first.
fn sort_out(mut findings: Vec<Finding>, report: &mut LeakReport, settings: &Settings, today: &str) {
    findings.sort_by(|a, b| {
        b.weight()
            .cmp(&a.weight())
            .then_with(|| a.order().cmp(&b.order()))
    });
    for finding in findings {
        let allowed = settings.allow.iter().find(|a| {
            a.holds_on(today)
                && (finding.owner.contains(&a.owner) || finding.path.contains(&a.owner))
                && a.class.as_ref().is_none_or(|class| *class == finding.class)
        });
        match (allowed, finding.verdict) {
            (Some(entry), _) => report.allowed.push((finding, entry.reason.clone())),
            (None, Verdict::Leak) => report.leaks.push(finding),
            (None, Verdict::CannotTell) => report.cannot_tell.push(finding),
        }
    }
}

/// Findings in snapshots of one process.
///
/// Complexity: the ids of the first and the last snapshot, the last one's path tree, and in the others the owners'
/// edges and what came below them.
fn within(snapshots: &[Snapshot], settings: &Settings) -> Vec<Finding> {
    let (Some(persistent), Some(last)) = (Persistent::of(snapshots), snapshots.last()) else {
        return Vec::new();
    };
    let thresholds = &settings.thresholds;
    let tree = Tree::build(last);
    let clusters = clusters(last, &tree, &persistent, thresholds);
    let measures: Vec<Measure<'_>> = snapshots
        .iter()
        .map(|snapshot| Measure::new(last, snapshot, &persistent, &clusters))
        .collect();
    let modules = LoadedModules::of(snapshots);
    let known_until = snapshots.first().map(last_id);
    // One finding for each place, about the class that leads there.
    let mut places: HashMap<_, Vec<Series>> = HashMap::new();
    for cluster in clusters {
        let series = Series::of(cluster, &measures);
        if series.has_enough_items(thresholds) || series.has_enough_bytes(thresholds) {
            places
                .entry(series.cluster.site())
                .or_default()
                .push(series);
        }
    }
    let mut findings: Vec<Found> = Vec::new();
    let mut owners: HashSet<u32> = HashSet::new();
    for mut series in places.into_values() {
        // Few items lead only where there are not many of anything.
        if series.iter().any(|s| s.has_enough_items(thresholds)) {
            series.retain(|s| s.has_enough_items(thresholds));
        }
        let Some(leading) = leading(last, series) else {
            continue;
        };
        let Some(sample) = place::sample(last, &leading.cluster) else {
            continue;
        };
        let place = Place::of(last, &tree, &leading.cluster);
        let figures = Figures {
            class: ItemClass::text(sample),
            counts: leading.counts(),
            bytes: leading.bytes(),
            stayed: leading.stayed(),
            places: leading.cluster.owners.len(),
            known_until,
        };
        if let Some(finding) = judge(&place, sample, figures, &modules, thresholds) {
            owners.extend(&leading.cluster.owners);
            findings.push(Found {
                finding,
                clusters: vec![leading.cluster],
            });
        }
    }
    for store in stores::growing(snapshots, &tree, &persistent, thresholds) {
        // What is said of a collection's items counts its table, too.
        if !owners.contains(&store.owner) {
            let finding = store.finding(&tree, last, &modules, thresholds);
            findings.extend(finding.map(|finding| Found {
                finding,
                clusters: Vec::new(),
            }));
        }
    }
    let mut findings = overlap::without_twins(findings);
    if let Some(measure) = measures.last() {
        overlap::say(&mut findings, last, measure);
    }
    findings.into_iter().map(|found| found.finding).collect()
}

/// A cluster in all snapshots.
struct Series {
    cluster: Cluster,
    tallies: Vec<Tally>,
}

impl Series {
    fn of(cluster: Cluster, measures: &[Measure<'_>]) -> Series {
        let tallies = measures
            .iter()
            .map(|measure| measure.tally(&cluster))
            .collect();
        Series { cluster, tallies }
    }

    fn counts(&self) -> Vec<u64> {
        self.tallies.iter().map(|tally| tally.count).collect()
    }

    fn bytes(&self) -> Vec<u64> {
        self.tallies.iter().map(|tally| tally.bytes).collect()
    }

    fn growth(&self) -> i64 {
        change(&self.counts())
    }

    fn has_enough_items(&self, thresholds: &Thresholds) -> bool {
        self.growth() >= thresholds.min_items as i64
    }

    fn has_enough_bytes(&self, thresholds: &Thresholds) -> bool {
        thresholds.enough(&steps(&self.counts()), &steps(&self.bytes()))
    }

    /// The share of what had come by the snapshots between that is there in the last one too.
    fn stayed(&self) -> Option<f64> {
        let between = &self.tallies[1..self.tallies.len() - 1];
        let sum = |get: fn(&Tally) -> u64| between.iter().map(get).sum::<u64>() as f64;
        let came = sum(|tally| tally.came);
        (came > 0.0).then(|| sum(|tally| tally.stayed) / came)
    }
}

/// The class of a place that is named: what an owner holds before what hangs on that, a list's nodes before what they
/// hold, objects before texts and numbers, many before few, large before small.
fn leading(last: &Snapshot, series: Vec<Series>) -> Option<Series> {
    let items = |s: &Series| s.cluster.counts_items;
    let most = |items_only: bool| {
        let counted = series.iter().filter(|s| items(s) == items_only);
        counted.map(Series::growth).max().unwrap_or(0)
    };
    let (most_items, most_members) = (most(true), most(false));
    series.into_iter().max_by_key(|s| {
        let most = if items(s) { most_items } else { most_members };
        let many = s.growth() * 2 >= most;
        let heads_list =
            !items(s) && ItemClass::of(last, s.cluster.sample_item as usize) == s.cluster.class;
        let bytes = if items(s) { s.cluster.bytes } else { 0 };
        let object = s.cluster.class.is_object();
        let last_resort = std::cmp::Reverse((s.cluster.class, s.cluster.owners[0]));
        (
            items(s),
            heads_list,
            many && object,
            many,
            bytes,
            s.growth(),
            last_resort,
        )
    })
}
