//! The binary as its users meet it: flags, channels, exit codes, folders, determinism, signals.

mod channels;
mod compare;
mod determinism;
mod folders;
mod graph;
mod json;
mod lab;
mod list;
mod readme;
mod report;
mod run;
mod signals;
mod snapshot;
mod tables;
mod usage;
