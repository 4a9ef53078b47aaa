//! The packages as their users get them: made from the program that was just built, installed
//! without a network, and run by npm, npx, Node, pip and Python themselves.
//!
//! Tests whose tool is missing say that they were skipped.

mod npm;
mod packed;
mod project;
mod refused;
mod signals;
mod wheel;
