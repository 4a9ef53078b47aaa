//! A project of another tool with its folder, and a database that the tool has migrated.

use cofferdam_testkit::{Cofferdam, postgres};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::fresh::Fresh;
use crate::project::{Project, document};

/// A migration: what the tool calls it, and its text.
pub(super) type Migration = (&'static str, &'static str);

pub(super) struct TakenOver {
    pub(super) project: Project,
    pub(super) database: Fresh,
    dir: &'static str,
}

impl TakenOver {
    /// With an empty database.
    pub(super) fn new(dir: &'static str, database: Fresh) -> Self {
        let project = Project::new();
        std::fs::create_dir_all(project.path(dir)).expect("a folder");
        Self { project, database, dir }
    }

    /// Adds or replaces a file of the tool's folder.
    pub(super) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        self.project.write(&format!("{}/{path}", self.dir), content);
    }

    pub(super) fn remove(&self, path: &str) {
        let path = self.project.path(self.dir).join(path);
        std::fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    pub(super) fn run(&self, line: &str) -> Cofferdam {
        self.run_on(&self.database.url(), line)
    }

    pub(super) fn run_on(&self, url: &str, line: &str) -> Cofferdam {
        let command = self.project.cofferdam(line).args(["--format", "json", "--database-url", url]);
        command.args(["--dir", self.dir])
    }

    /// The document of a command that succeeds; `status` may name problems.
    #[track_caller]
    pub(super) fn told(&self, line: &str) -> Value {
        let command = self.run(line);
        let command = if line == "status" { command.any_status() } else { command };
        document(name(line), &command.run())
    }

    /// The versions that `migrate` and `adopt` list.
    #[track_caller]
    pub(super) fn versions(&self, line: &str, key: &str) -> Vec<String> {
        let told = self.told(line);
        let listed = told[key].as_array().unwrap_or_else(|| panic!("{line} said {told:#}"));
        let version = |row: &Value| row["version"].as_str().or(row.as_str()).map(str::to_owned);
        listed.iter().filter_map(version).collect()
    }

    /// Message, details and hint of a command that fails with `status`.
    #[track_caller]
    pub(super) fn refused(&self, line: &str, status: i32) -> String {
        let output = self.run(line).status(status).run();
        document(name(line), &output)["error"].to_string()
    }

    /// The problems that `status` and `adopt` name: severity and message with the way out.
    #[track_caller]
    pub(super) fn problems(&self, line: &str) -> Vec<(String, String)> {
        let told = self.told(line);
        let problems = told["problems"].as_array().unwrap_or_else(|| panic!("{line} said {told:#}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        problems.iter().map(|p| (text(&p["severity"]), p.to_string())).collect()
    }

    /// Nothing is pending and nothing is wrong.
    #[track_caller]
    pub(super) fn assert_clean(&self) {
        let status = self.told("status");
        let nothing = serde_json::json!([]);
        assert_eq!((&status["pending"], &status["problems"]), (&nothing, &nothing), "{status:#}");
        assert_eq!(self.told("audit --verify")["verified"], true);
    }

    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self.database, Fresh::Sqlite(_))
    }
}

fn name(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

/// An empty database of every kind under test.
pub(super) fn databases() -> Vec<Fresh> {
    let mut databases = vec![Fresh::sqlite()];
    databases.extend(postgres::majors().into_iter().map(Fresh::postgres));
    databases
}

pub(super) fn sha256(text: impl AsRef<[u8]>) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
