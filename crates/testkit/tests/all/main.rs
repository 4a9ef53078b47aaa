//! The testkit's own tests: what every other test relies on.

mod clusters;
mod commands;
mod databases;
mod networks;
mod workloads;
