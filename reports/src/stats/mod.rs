//! What a run's events say in numbers: pauses, utilisation, rates, and where the live heap is heading.
//!
//! Times are on the run's policy clock. Incremental steps between collections are known only as sums, so
//! they count in GC totals but not in pauses, utilisation windows or MMU.

mod pauses;
mod rates;
mod timeline;
mod trend;
mod utilisation;

pub use pauses::{PauseSummary, percentile};
pub use rates::{Rate, Rates, rates};
pub use timeline::{HeapPoint, heap_points, thin};
pub use trend::{LivePoint, Trend, Verdict, live_points, trend};
pub use utilisation::{Utilisation, UtilisationBin};
