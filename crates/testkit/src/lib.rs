//! What Cofferdam's tests share: disposable databases, a process that can be
//! killed at a named place, clients that count what they wrote, and a network
//! that fails on request.
//!
//! Everything here panics with a readable message instead of returning an
//! error: a test that cannot get its database has failed, it was not skipped.

pub mod checkout;
pub mod crash;
pub mod postgres;
pub mod proxy;
pub mod soak;
pub mod sqlite;
pub mod tools;
pub mod workload;

mod command;
mod expectation;
mod running;

pub use command::Cofferdam;
pub use expectation::Output;
pub use running::Running;
