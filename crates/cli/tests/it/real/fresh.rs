//! A database of either kind, and what the programs under comparison do to it.

use cofferdam::catalog;
use cofferdam_analysis::catalog::{Catalog, Ignore, diff};
use cofferdam_testkit::{postgres, sqlite};
use sha2::{Digest as _, Sha384};

use super::File;

/// An empty database; it goes with the value.
pub(crate) enum Fresh {
    Postgres(postgres::Database),
    Sqlite(sqlite::Database),
}

/// sqlx's ledger as sqlx 0.9.0 makes it (sqlx-postgres and sqlx-sqlite, src/migrate.rs).
const LEDGER_POSTGRES: &str = "create table if not exists _sqlx_migrations (
    version bigint primary key, description text not null,
    installed_on timestamptz not null default now(), success boolean not null,
    checksum bytea not null, execution_time bigint not null)";
const LEDGER_SQLITE: &str = "create table if not exists _sqlx_migrations (
    version bigint primary key, description text not null,
    installed_on timestamp not null default current_timestamp, success boolean not null,
    checksum blob not null, execution_time bigint not null)";

impl Fresh {
    pub(crate) fn postgres(major: u32) -> Self {
        Self::Postgres(postgres::Database::new(major))
    }

    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(sqlite::Database::new())
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Postgres(database) => database.url(),
            Self::Sqlite(database) => database.url(),
        }
    }

    /// The `PATH` on which its programs are found; `None`, with a word on why, without a `pg_dump`.
    pub(crate) fn programs(&self) -> Option<std::ffi::OsString> {
        match self {
            Self::Postgres(database) => postgres::programs(database.major()),
            Self::Sqlite(_) => Some(std::env::var_os("PATH").unwrap_or_default()),
        }
    }

    /// Runs SQL text and returns its rows, a line each.
    pub(crate) fn sql(&self, text: &str) -> String {
        match self {
            Self::Postgres(database) => database.psql(text),
            Self::Sqlite(database) => database.sql(text),
        }
    }

    /// Runs the files one after the other, each in a transaction.
    pub(super) fn run_plainly<'a>(&self, texts: impl IntoIterator<Item = &'a str>) {
        for text in texts {
            self.sql(&format!("begin;\n{text}\n;commit"));
        }
    }

    /// What `sqlx migrate run` does with these files and leaves in its ledger.
    pub(super) fn run_by_sqlx(&self, files: &[File]) {
        let (ledger, prefix) = match self {
            Self::Postgres(_) => (LEDGER_POSTGRES, "'\\x"),
            Self::Sqlite(_) => (LEDGER_SQLITE, "x'"),
        };
        self.sql(ledger);
        for File { version, description, text } in files {
            let checksum: String = Sha384::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
            let description = description.replace('\'', "''");
            self.sql(&format!(
                "begin;\n{text}\n;insert into _sqlx_migrations
                   (version, description, success, checksum, execution_time)
                   values ({version}, '{description}', true, {prefix}{checksum}', -1);
                 commit;
                 update _sqlx_migrations set execution_time = 1234567 where version = {version}"
            ));
        }
    }

    /// sqlx's ledger, whole.
    pub(super) fn sqlx_ledger(&self) -> String {
        self.sql("select * from _sqlx_migrations order by version")
    }

    pub(super) fn catalog(&self) -> Catalog {
        match self {
            Self::Postgres(database) => {
                let runtime = tokio::runtime::Runtime::new().expect("a runtime");
                runtime.block_on(async { catalog::postgres::read(&database.client().await).await })
            }
            Self::Sqlite(database) => catalog::sqlite::read(&database.connection()),
        }
        .expect("the catalog can be read")
    }

    /// Compares everything that is schema, other tools' ledgers aside.
    #[track_caller]
    pub(super) fn assert_like(&self, expected: &Catalog, when: &str) {
        let ledgers = ["_sqlx_migrations", "flyway_schema_history", "refinery_schema_history"];
        self.assert_like_beside(expected, &ledgers, when);
    }

    /// Compares everything that is schema, but for these tables.
    #[track_caller]
    pub(super) fn assert_like_beside(&self, expected: &Catalog, tables: &[&str], when: &str) {
        assert!(!expected.objects.is_empty(), "{when}: nothing is expected");
        let tables = tables.iter().map(|table| (*table).to_owned()).collect();
        let differences = diff(expected, &self.catalog(), &Ignore { tables, ..Ignore::nothing() });
        assert!(differences.is_empty(), "{when}: {differences:#?}");
    }
}
