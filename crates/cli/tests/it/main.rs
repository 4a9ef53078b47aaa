//! The program as a whole: what is typed, what is printed, how it ends.

mod check;
mod explain;
mod help;
mod init;
mod migrate;
mod new;
mod project;
mod real;
mod usage;
