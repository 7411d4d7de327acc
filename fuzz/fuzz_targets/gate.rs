//! Budgets, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::gate::{Budgets, ClassBudget, Measured, gate, sarif};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    let class = snapshot.root().class_name().into_owned();
    let mut budgets = Budgets::default();
    budgets.total.max_bytes = Some(1);
    budgets.total.max_growth_percent = Some(1.0);
    budgets.class.push(ClassBudget {
        name: class,
        max_retained: Some(0),
        ..ClassBudget::default()
    });
    let measured = [Measured::of(&snapshot)];
    let checks = gate(&measured, measured.first(), &budgets);
    let _ = sarif(&checks, "budgets.toml");
});
