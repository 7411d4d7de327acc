//! Budgets, on any snapshot: see `fuzz/src/lib.rs`.

#![no_main]

use heaplab_fuzz::snapshot;
use heapsnapshot::gate::{Budgets, Measured, gate, sarif};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(snapshot) = snapshot(bytes) else {
        return;
    };
    let class = snapshot.root().class_name().into_owned();
    // A class's name is whatever the file says: as a key of TOML it may be refused, which is an answer too.
    let text = format!(
        "[total]\nmax_bytes = 1\nmax_growth_percent = 1.0\n[[class]]\nname = {class:?}\nmax_retained = 0\n"
    );
    let Ok(budgets) = Budgets::parse(&text) else {
        return;
    };
    let measured = [Measured::of(&snapshot)];
    let checks = gate(&measured, measured.first(), &budgets);
    let _ = sarif(&checks, "budgets.toml");
});
