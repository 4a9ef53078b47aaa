//! Reads SQL, says what each statement does to the schema and the data, and
//! what is dangerous about it.
//!
//! Everything here is a function from values to values: no sockets, no clock,
//! no environment, no printing. The program's I/O lives in the crate `cofferdam`.

pub mod card;
pub mod catalog;
pub mod checklist;
pub mod document;
mod error;
mod finding;
pub mod judge;
mod place;
pub mod plan;
pub mod rules;
pub mod sql;

pub use error::{Error, ErrorKind, Result};
pub use finding::{Finding, Fix, FixKind, NobodysRows, Severity};
pub use place::{Lines, Place, Span};
