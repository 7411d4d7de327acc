//! Owned values over the system's `malloc`.
#![forbid(unsafe_code)]

fn main() {
    peers_rust::report::main_with(peers_rust::owned::BENCHES, peers_rust::owned::run);
}
