//! Migrations that are part of a program.

mod folders;
mod runs;
