//! The packages and the deployment files as their users get them: packages made from the program
//! that was just built, installed without a network and run by npm, npx, Node, pip and Python
//! themselves; files read by systemd, Docker's format, bash and pre-commit.
//!
//! Tests whose tool is missing say that they were skipped.

mod action;
mod docker;
mod documents;
mod hooks;
mod npm;
mod packed;
mod project;
mod refused;
mod signals;
mod systemd;
mod wheel;
mod yaml;
