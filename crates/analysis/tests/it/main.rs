//! Everything of this crate that is tested through its public face.

mod corpus;
mod hazards;
mod postgres_corpus;
mod sqlite_oracle;
mod sqlite_verdicts;
