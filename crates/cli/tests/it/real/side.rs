//! Cofferdam beside another tool: one folder, one database, both ledgers.

use std::path::Path;

use cofferdam_testkit::{Cofferdam, Output, postgres};
use serde_json::json;

use super::fresh::Fresh;
use crate::project::{Project, document};

/// Runs `test` on every kind of database.
pub(super) fn on_each(test: impl Fn(&dyn Fn() -> Fresh)) {
    test(&Fresh::sqlite);
    for major in postgres::majors() {
        test(&|| Fresh::postgres(major));
    }
}

/// The program in `project`, on `database`, with the migrations in `folder`.
pub(super) fn cofferdam(project: &Project, database: &Fresh, folder: &Path, line: &str) -> Cofferdam {
    let command = project.cofferdam(line).args(["--format", "json", "--database-url"]);
    command.arg(database.url()).arg("--dir").arg(folder)
}

/// A project whose migrations are in `sql`, and its database.
pub(super) struct Side<'a> {
    pub(super) project: Project,
    pub(super) database: &'a Fresh,
}

impl<'a> Side<'a> {
    pub(super) fn of(files: &[(&str, &str)], database: &'a Fresh) -> Self {
        let project = Project::new();
        for (file, text) in files {
            project.write(&format!("sql/{file}"), text);
        }
        Self { project, database }
    }

    /// Runs a command that ends with `status`.
    #[track_caller]
    pub(super) fn run(&self, line: &str, status: i32) -> Output {
        cofferdam(&self.project, self.database, &self.project.path("sql"), line).status(status).run()
    }

    /// Nothing is pending, nothing is wrong, and the record is whole.
    #[track_caller]
    pub(super) fn is_clean(&self) {
        let status = document("status", &self.run("status", 0));
        assert_eq!((&status["pending"], &status["problems"]), (&json!([]), &json!([])), "{status:#}");
        assert_eq!(document("migrate", &self.run("migrate", 0))["applied"], json!([]));
        assert_eq!(document("audit", &self.run("audit --verify", 0))["verified"], true);
    }
}
