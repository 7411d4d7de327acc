//! What the finder says.

/// What is thought of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A leak.
    Leak,
    /// It grew, but the snapshots do not say whether it goes on.
    CannotTell,
}

/// Something that grows.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Finding {
    /// What is thought of it.
    pub verdict: Verdict,
    /// 0 to 1.
    pub confidence: f64,
    /// The owner in words: "Map in captured variable `sessions` of closure `handle`".
    pub owner: String,
    /// The owner's id in the last snapshot.
    pub owner_id: u32,
    /// Places of one shape that are taken together, such as the inner maps of a map; usually 1.
    pub places: usize,
    /// The class that grows.
    pub class: String,
    /// How many there are, snapshot by snapshot. Of a list's nodes, those that are not in all snapshots; of a
    /// collection's `(entries)`, which are no nodes, those that its table has room for.
    pub counts: Vec<u64>,
    /// Bytes of the owner's tables, and of what they hold that is not in all snapshots, keys and all.
    pub bytes: Vec<u64>,
    /// Bytes more in the last snapshot than in the first.
    pub growth_bytes: i64,
    /// Bytes of that growth that findings told before this one hold, too.
    pub shared_bytes: u64,
    /// The path from a root to the owner, in words.
    pub path: String,
    /// The path from the owner to an item, in words.
    pub item_path: String,
    /// Id of an item in the last snapshot, to look at.
    pub sample_id: u32,
    /// Why it is thought to be a leak, or why not.
    pub evidence: Vec<String>,
    /// What would end it.
    pub cures: Vec<String>,
}

impl Finding {
    /// How much it matters: those that matter most are told first.
    pub(super) fn weight(&self) -> i64 {
        (self.confidence * self.growth_bytes as f64) as i64
    }

    /// What tells findings of one size apart, so that their order is the same every time.
    pub(super) fn order(&self) -> impl Ord + use<'_> {
        (
            self.owner_id,
            &self.owner,
            &self.class,
            &self.path,
            &self.item_path,
            self.sample_id,
        )
    }
}

/// How objects of the snapshots were matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matched {
    /// By id: they come from one process.
    #[default]
    Id,
    /// By class and the shape of their path: they come from several processes.
    Shape,
    /// Not at all: there is one snapshot, or none.
    Alone,
}

/// What was found.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct LeakReport {
    /// How objects were matched.
    pub matched: Matched,
    /// Leaks, most growth first.
    pub leaks: Vec<Finding>,
    /// Growth of which the snapshots do not say enough, most growth first.
    pub cannot_tell: Vec<Finding>,
    /// Findings on the allow-list, and why they are.
    pub allowed: Vec<(Finding, String)>,
    /// Bytes of all nodes, snapshot by snapshot.
    pub total: Vec<u64>,
    /// Bytes by which all nodes together grew, steadily and by much, and which no finding explains; 0 if they did not.
    pub unexplained_bytes: u64,
    /// What limits the report, in a sentence each.
    pub notes: Vec<String>,
}
