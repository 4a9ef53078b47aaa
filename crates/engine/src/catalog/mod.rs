//! Reads a live database's schema into a [`Catalog`](cofferdam_analysis::catalog::Catalog).
//!
//! The promise: one consistent state, read with a fixed number of queries whatever
//! the size of the schema, without writing anything and without a lock stronger
//! than the one a `select` takes. Left out are the server's own objects, what
//! extensions brought, temporary objects and everything of ours: the `cofferdam`
//! schema and whatever is named `_cofferdam_*`.
//!
//! It refuses servers older than Postgres 15 and SQLite 3.37, whose catalogs it
//! cannot read in full. Reading changes nothing, so a crash leaves nothing behind.

pub mod postgres;
pub mod sqlite;
