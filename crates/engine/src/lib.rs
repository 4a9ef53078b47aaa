//! x
pub mod scratch;
