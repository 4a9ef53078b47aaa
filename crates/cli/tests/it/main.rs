//! The program as a whole: what is typed, what is printed, how it ends.

mod baseline;
mod check;
mod checklist;
mod demo;
mod diff;
mod embedded;
mod explain;
#[cfg(feature = "crash-points")]
mod faults;
mod guard;
mod help;
mod init;
mod interrupt;
mod migrate;
mod new;
mod postgres;
mod project;
mod projects;
mod protected;
mod readme;
mod real;
mod scale;
mod uninstall;
mod usage;
