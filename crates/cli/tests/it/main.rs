//! The program as a whole: what is typed, what is printed, how it ends.

mod baseline;
mod check;
mod checklist;
mod demo;
mod diff;
mod embedded;
mod exits;
mod explain;
#[cfg(feature = "crash-points")]
mod faults;
mod generate;
mod guard;
mod guide;
mod help;
mod init;
mod interrupt;
mod migrate;
mod new;
mod postgres;
mod project;
mod projects;
mod protected;
mod real;
mod scale;
mod terminal;
mod transcripts;
mod uninstall;
mod usage;
