//! The engine on real databases. One binary: servers are shared by its tests.
#![allow(clippy::unwrap_used, reason = "a test that does not get what it asks for has failed")]

mod catalog;
mod db;
mod embedded;
mod replay;
