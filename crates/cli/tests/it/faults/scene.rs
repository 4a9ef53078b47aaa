//! A project and its database, and everything about them that a fault must not change.

use std::collections::BTreeMap;

use cofferdam_analysis::catalog::{Catalog, fingerprint};
use cofferdam_testkit::{Cofferdam, postgres, sqlite};

use crate::project::Project;

/// How long leases last here: a killed runner's must expire before the next one starts.
pub(crate) const LEASE_MS: &str = "400";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres(u32),
}

impl Kind {
    /// SQLite, and the Postgres majors under test.
    pub(crate) fn all() -> Vec<Kind> {
        let majors = postgres::majors().into_iter().map(Kind::Postgres);
        std::iter::once(Kind::Sqlite).chain(majors).collect()
    }
}

/// The database of a scene.
pub(crate) enum Database {
    Sqlite(sqlite::Database),
    Postgres(postgres::Database),
}

/// A project with a database of its own.
pub(crate) struct Scene {
    pub(crate) project: Project,
    pub(crate) database: Database,
}

/// What must be the same after every fault.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    catalog: [u8; 32],
    /// Shown when the fingerprints differ.
    shown: Box<Catalog>,
    tables: BTreeMap<String, Vec<String>>,
    ledger: Vec<String>,
    files: Vec<String>,
}

impl Scene {
    /// A project with these files under `migrations/`.
    pub(crate) fn new<'a>(kind: Kind, files: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Scene {
        let database = match kind {
            Kind::Sqlite => Database::Sqlite(sqlite::Database::new()),
            Kind::Postgres(major) => Database::Postgres(postgres::Database::new(major)),
        };
        Scene::on(database, files)
    }

    pub(crate) fn on<'a>(
        database: Database,
        files: impl IntoIterator<Item = &'a (&'a str, &'a str)>,
    ) -> Scene {
        let project = Project::new();
        std::fs::create_dir_all(project.path("migrations")).expect("a folder");
        for (name, text) in files {
            project.write(&format!("migrations/{name}"), text);
        }
        Scene { project, database }
    }

    pub(crate) fn url(&self) -> String {
        match &self.database {
            Database::Sqlite(database) => database.url(),
            Database::Postgres(database) => database.url(),
        }
    }

    /// The program on this database; `line` is cut at spaces.
    pub(crate) fn run(&self, line: &str) -> Cofferdam {
        self.with_lease(line, LEASE_MS)
    }

    pub(crate) fn with_lease(&self, line: &str, milliseconds: &str) -> Cofferdam {
        let run = self.project.cofferdam(line);
        let run = run.env("DATABASE_URL", self.url()).env("COFFERDAM_LEASE_MS", milliseconds);
        match &self.database {
            Database::Sqlite(_) => run,
            Database::Postgres(database) => {
                let run = run.env("SCRATCH_URL", database.address().url("postgres"));
                match postgres::programs(database.major()) {
                    Some(path) => run.env("PATH", path),
                    None => run,
                }
            }
        }
    }

    /// Runs SQL and returns its rows as text.
    pub(crate) fn sql(&self, sql: &str) -> String {
        match &self.database {
            Database::Sqlite(database) => database.sql(sql),
            Database::Postgres(database) => database.psql(sql),
        }
    }

    pub(crate) fn postgres(&self) -> &postgres::Database {
        match &self.database {
            Database::Postgres(database) => database,
            Database::Sqlite(_) => panic!("a scene on SQLite"),
        }
    }

    /// A ledger's table as this database names it.
    pub(crate) fn ledger(&self, table: &str) -> String {
        match &self.database {
            Database::Sqlite(_) => format!("_cofferdam_{table}"),
            Database::Postgres(_) => format!("cofferdam.{table}"),
        }
    }

    /// Everything that a fault must not change.
    pub(crate) fn state(&self) -> State {
        let (shown, tables, files) = match &self.database {
            Database::Sqlite(database) => {
                let db = database.connection();
                let catalog = cofferdam::catalog::sqlite::read(&db).expect("a readable catalog");
                let files = std::fs::read_dir(database.directory()).expect("a directory").flatten();
                let mut files: Vec<String> =
                    files.map(|f| f.file_name().to_string_lossy().into_owned()).collect();
                files.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
                // A copy's name ends with the database's own id, which differs between databases.
                let id =
                    database.sql("select substr(value, 1, 8) from _cofferdam_meta where key = 'database_id'");
                files.iter_mut().for_each(|name| *name = name.replace(&*id, "ID"));
                files.sort();
                let names = database.sql(
                    "select name from sqlite_schema where type = 'table'
                     and name not like '\\_cofferdam%' escape '\\' and name not like 'sqlite\\_%' escape '\\'",
                );
                let rows = |table: &str| database.sql(&format!("select * from \"{table}\""));
                (catalog, contents(&names, rows), files)
            }
            Database::Postgres(database) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let catalog = runtime
                    .expect("a runtime")
                    .block_on(async { cofferdam::catalog::postgres::read(&database.client().await).await });
                let names = database.psql(
                    "select format('%I.%I', schemaname, tablename) from pg_tables
                     where schemaname not in ('pg_catalog', 'information_schema', 'cofferdam')",
                );
                let rows = |table: &str| database.psql(&format!("select t::text from {table} t"));
                (catalog.expect("a readable catalog"), contents(&names, rows), Vec::new())
            }
        };
        State {
            catalog: fingerprint(&shown),
            shown: Box::new(shown),
            tables,
            ledger: self.ledger_lines(),
            files,
        }
    }

    /// What counts as applied, and what is open. A dead runner's lease may stand: it is taken over when it is needed.
    fn ledger_lines(&self) -> Vec<String> {
        let there = match &self.database {
            Database::Sqlite(_) => "select count(*) from sqlite_schema where name = '_cofferdam_meta'",
            Database::Postgres(_) => {
                "select count(*) from pg_class where oid = to_regclass('cofferdam.meta')"
            }
        };
        if self.sql(there) == "0" {
            return vec!["no ledger".to_owned()];
        }
        let table = |name: &str| self.ledger(name);
        let applied =
            format!("select seq, source, version, name, kind from {} order by seq", table("migration"));
        let open = format!(
            "select 'open run', id, command from {} where state not in ('done', 'abandoned')",
            table("run")
        );
        let half = format!(
            "select 'half done', s.id from {} s join {} r on r.id = s.run_id where s.state <> 'done'",
            table("step"),
            table("run")
        );
        [applied, open, half].iter().flat_map(|sql| lines(&self.sql(sql))).collect()
    }

    /// Asserts that nothing differs from `expected`, the audit holds, and no index is invalid.
    #[track_caller]
    pub(crate) fn assert_is(&self, expected: &State, what: &str) {
        let state = self.state();
        assert_eq!(state.ledger, expected.ledger, "{what}: the ledger");
        assert_eq!(state.tables, expected.tables, "{what}: the contents");
        assert_eq!(state.files, expected.files, "{what}: the files");
        if state.catalog != expected.catalog {
            assert_eq!(state.shown, expected.shown, "{what}: the catalog");
        }
        if let Database::Postgres(_) = self.database {
            let invalid = self.sql("select indexrelid::regclass from pg_index where not indisvalid");
            assert_eq!(invalid, "", "{what}: invalid indexes");
        }
        self.run("audit --verify").run();
    }
}

fn contents(names: &str, rows: impl Fn(&str) -> String) -> BTreeMap<String, Vec<String>> {
    let sorted = |table: &String| {
        let mut rows = lines(&rows(table));
        rows.sort();
        rows
    };
    lines(names).into_iter().map(|table| (table.clone(), sorted(&table))).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
