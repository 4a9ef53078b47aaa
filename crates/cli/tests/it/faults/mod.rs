//! What happens when something breaks: processes killed and stopped, servers that go,
//! locks that are held, files and ledgers that nobody should have.
//!
//! They run the program built with its crash points.

mod adopt;
mod concurrency;
mod crash;
mod guard;
mod hostile;
mod leave;
mod locks;
mod protect;
mod resume;
mod rollback;
mod scene;
mod tricks;
