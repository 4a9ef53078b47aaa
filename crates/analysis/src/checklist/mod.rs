//! The operator's list for a deployment, as a Markdown file.
//!
//! Promise: a list that is rendered and read back is the same list; ticking changes the
//! box and our own remark behind it, and keeps every other byte, whatever somebody wrote
//! in between. Refused: a text without our first line, or with a newer format in it.
//!
//! Pure: facts come in as [`Facts`], the time as text, and a text comes out. Whoever
//! writes the file replaces it as a whole, so a crash leaves the old list or the new one.
//! A tick is never the only record of anything: the ledger is asked again and corrects it.

mod build;
mod document;
mod facts;
mod tick;

pub use build::{Deployment, Statement, Step, build, code};
pub use document::{Checklist, Done, FORMAT, Header, Id, Item, Kind, Section, State, header, parse};
pub use facts::{Backup, Disk, Facts, Leftover, Pool, Session, Space, TableSize};
pub use tick::{Known, Summary, summary, sync, took};

#[cfg(test)]
mod tests;
