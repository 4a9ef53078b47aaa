//! From another tool to Cofferdam and back, with the tool itself.
//!
//! The tool applies the first half of its folder, Cofferdam adopts that and applies the rest,
//! and the tool sees nothing pending: it says so, finds nothing to do, and goes on with the
//! next migration as if it had applied all of them. `cargo xtask fetch-tools` brings the
//! tools; without one its tests say that they were skipped.

mod dbmate;
mod diesel;
mod drizzle;
mod prisma;
mod refinery;
mod sqlx;

use cofferdam_testkit::proxy::Proxy;
use cofferdam_testkit::tools::Tool;
use cofferdam_testkit::{Output, postgres};
use serde_json::{Value, json};

use super::Dialect;
use super::fresh::Fresh;
use crate::project::{Project, document};

/// A tool, and a project as its users have one.
struct Predecessor {
    /// The tool's program.
    program: &'static str,
    /// As `adopt` calls the tool.
    source: &'static str,
    /// Where its migrations lie.
    folder: &'static str,
    /// Its ledger's table, which is no part of a schema.
    ledger: &'static str,
    /// Everything in it but times.
    rows: &'static str,
    /// In the order in which they run.
    migrations: fn(Dialect) -> Vec<Migration>,
    /// Applies everything that is pending.
    apply: fn(&Scene<'_>) -> Output,
    /// Whether the tool says that something is pending.
    pending: fn(&Scene<'_>) -> bool,
}

/// One migration and the files that it is made of.
struct Migration {
    version: &'static str,
    files: Vec<(&'static str, String)>,
}

impl Migration {
    fn new(version: &'static str, files: &[(&'static str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
        Self { version, files }
    }
}

/// A project and its database, which the tool reaches as on any machine: by a file, or a port.
struct Scene<'a> {
    tool: &'a Tool,
    project: Project,
    database: Fresh,
    proxy: Option<Proxy>,
}

impl<'a> Scene<'a> {
    fn new(tool: &'a Tool, database: Fresh) -> Self {
        let proxy = match &database {
            Fresh::Postgres(database) => Some(Proxy::start(database.address())),
            Fresh::Sqlite(_) => None,
        };
        Self { tool, project: Project::new(), database, proxy }
    }

    /// The URL by which the tool finds the database.
    fn url(&self) -> String {
        match (&self.database, &self.proxy) {
            (Fresh::Postgres(database), Some(proxy)) => database.url_through(proxy),
            _ => self.database.url(),
        }
    }

    fn write(&self, migrations: &[Migration]) {
        for (path, text) in migrations.iter().flat_map(|migration| &migration.files) {
            self.project.write(path, text);
        }
    }

    /// A run of Cofferdam that must succeed, and its document.
    fn cofferdam(&self, folder: &str, line: &str) -> Value {
        let command = self.project.cofferdam(line).args(["--format", "json", "--dir", folder]);
        let command = command.arg("--database-url").arg(self.database.url());
        document(line.split(' ').next().unwrap_or(line), &command.run())
    }
}

impl Predecessor {
    /// Hands over on every database that the tests know, after each number of migrations.
    fn hands_over(&self) {
        self.hands_over_on(Dialect::Sqlite, Fresh::sqlite);
        postgres::majors().into_iter().for_each(|major| self.hands_over_on_postgres(major));
    }

    fn hands_over_on_postgres(&self, major: u32) {
        self.hands_over_on(Dialect::Postgres, || Fresh::postgres(major));
    }

    /// Hands over on databases of this kind.
    fn hands_over_on(&self, dialect: Dialect, fresh: impl Fn() -> Fresh) {
        let Some(tool) = Tool::find(self.program) else { return };
        for done in 1..(self.migrations)(dialect).len() {
            self.hands_over_after(done, dialect, &|| Scene::new(&tool, fresh()));
        }
    }

    /// The last of the migrations is made when Cofferdam has long taken over.
    fn hands_over_after<'a>(&self, done: usize, dialect: Dialect, scene: &dyn Fn() -> Scene<'a>) {
        let when = format!("{} on {dialect:?} after {done}", self.program);
        let migrations = (self.migrations)(dialect);
        let (next, migrations) = migrations.split_last().expect("at least one migration");
        let (scene, alone) = (scene(), scene());
        self.goes_alone(&alone, migrations);

        let (theirs, ours) = migrations.split_at(done);
        scene.write(theirs);
        (self.apply)(&scene);
        scene.write(ours);
        assert_eq!((self.pending)(&scene), !ours.is_empty(), "{when}: what it says before");

        let adopted = scene.cofferdam(self.folder, "adopt --keep-in-step");
        assert_eq!(adopted["source"], self.source, "{when}");
        assert_eq!(versions(&adopted["adopted"]), named(theirs), "{when}");
        let migrated = scene.cofferdam(self.folder, "migrate");
        assert_eq!(versions(&migrated["applied"]), named(ours), "{when}");

        scene.database.assert_like_beside(&alone.database.catalog(), &[self.ledger], &when);
        assert!(!(self.pending)(&scene), "{when}: it sees something pending");
        assert_eq!(self.rows(&scene), self.rows(&alone), "{when}: the rows of its ledger");
        (self.apply)(&scene);
        assert_eq!(self.rows(&scene), self.rows(&alone), "{when}: it found something to do");

        scene.write(std::slice::from_ref(next));
        assert!((self.pending)(&scene), "{when}: it does not see the next one");
        (self.apply)(&scene);
        assert!(!(self.pending)(&scene), "{when}: it did not apply the next one");
    }

    /// What the tool makes of the folder by itself.
    fn goes_alone(&self, scene: &Scene<'_>, migrations: &[Migration]) {
        scene.write(migrations);
        (self.apply)(scene);
        assert!(!(self.pending)(scene), "{}: pending after it applied everything", self.program);
    }

    fn rows(&self, scene: &Scene<'_>) -> String {
        scene.database.sql(self.rows)
    }
}

fn named(migrations: &[Migration]) -> Vec<Value> {
    migrations.iter().map(|migration| json!(migration.version)).collect()
}

fn versions(list: &Value) -> Vec<Value> {
    list.as_array().expect("an array").iter().map(|migration| migration["version"].clone()).collect()
}
