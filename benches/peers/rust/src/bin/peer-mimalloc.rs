//! Owned values over mimalloc.
#![forbid(unsafe_code)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    peers_rust::report::main_with(peers_rust::owned::BENCHES, peers_rust::owned::run);
}
