//! What other tools leave in a database, written as they write it, and what Cofferdam makes
//! of it. Where a tool itself is at hand, `handover` has it write its own.

use std::fmt::Write as _;

use cofferdam_testkit::{Cofferdam, postgres};
use serde_json::{Value, json};

use super::Dialect;
use super::fresh::Fresh;
use crate::project::{Project, document};

/// A tool: how it writes files and rows.
#[derive(Clone, Copy)]
pub(super) struct Tool {
    /// As `init` calls the format, and `adopt` the tool.
    pub(super) name: &'static str,
    /// Where its migrations lie.
    pub(super) folder: &'static str,
    /// Its ledger's table.
    pub(super) ledger: &'static str,
    /// Makes the ledger.
    pub(super) create: fn(Dialect) -> &'static str,
    /// Writes that this version is applied.
    pub(super) record: fn(&str) -> String,
    /// Everything that the tool goes by.
    pub(super) rows: &'static str,
    /// As the ledger writes it.
    pub(super) version: fn(usize) -> String,
    /// The files of a migration, below the folder.
    pub(super) files: fn(&str, &Step) -> Vec<(String, String)>,
}

/// One migration, whatever tool it is written for.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) up: &'static str,
    pub(super) down: &'static str,
    pub(super) no_transaction: bool,
    pub(super) line_end: &'static str,
}

pub(super) fn steps(dialect: Dialect) -> [Step; 4] {
    let step = |name, up, down| Step { name, up, down, no_transaction: false, line_end: "\n" };
    let notes = step(
        "take_notes",
        "create table notes (id integer primary key, body text not null);\n",
        "drop table notes;\n",
    );
    let people = Step {
        line_end: "\r\n",
        ..step(
            "people",
            "create table people (id integer primary key);\ninsert into people values (1);\n",
            "drop table people;\n",
        )
    };
    match dialect {
        Dialect::Postgres => [
            notes,
            Step {
                no_transaction: true,
                ..step(
                    "note_index",
                    "create index concurrently notes_body on notes (body);\n",
                    "drop index concurrently notes_body;\n",
                )
            },
            people,
            step(
                "touch",
                "create function touch() returns trigger language plpgsql as $$\nbegin\n  new.body := new.body || ';';\n  return new;\nend;\n$$;\n",
                "drop function touch();\n",
            ),
        ],
        Dialect::Sqlite => [
            notes,
            step("note_index", "create index notes_body on notes (body);\n", "drop index notes_body;\n"),
            people,
            step(
                "touch",
                "create trigger touch after insert on notes begin\n  update notes set body = body || ';' where id = new.id;\nend;\n",
                "drop trigger touch;\n",
            ),
        ],
    }
}

/// Text with the line ends of a step.
pub(super) fn ended(step: &Step, text: &str) -> String {
    text.replace('\n', step.line_end)
}

/// A project of a tool's, and its database.
pub(super) struct Scene {
    pub(super) tool: Tool,
    pub(super) dialect: Dialect,
    pub(super) project: Project,
    pub(super) database: Fresh,
}

/// Runs `test` on SQLite and on all majors of Postgres.
pub(super) fn everywhere(tool: Tool, test: impl Fn(&dyn Fn() -> Scene)) {
    let scene = |dialect, database| Scene { tool, dialect, project: Project::new(), database };
    test(&|| scene(Dialect::Sqlite, Fresh::sqlite()));
    for major in postgres::majors() {
        test(&|| scene(Dialect::Postgres, Fresh::postgres(major)));
    }
}

/// A database that the tool has brought so far, with the whole folder.
pub(super) fn brought(scene: Scene, done: usize) -> Scene {
    scene.database.sql((scene.tool.create)(scene.dialect));
    for (number, step) in steps(scene.dialect).iter().enumerate() {
        let version = (scene.tool.version)(number + 1);
        for (path, text) in (scene.tool.files)(&version, step) {
            scene.project.write(&format!("{}/{path}", scene.tool.folder), text);
        }
        if number < done {
            scene.database.sql(step.up);
            scene.database.sql(&(scene.tool.record)(&version));
        }
    }
    scene
}

impl Scene {
    pub(super) fn run(&self, line: &str) -> Cofferdam {
        let command = self.project.cofferdam(line).args(["--format", "json", "--dir", self.tool.folder]);
        command.arg("--database-url").arg(self.database.url())
    }

    /// A run that must succeed, and its document.
    #[track_caller]
    pub(super) fn done(&self, line: &str) -> Value {
        document(line.split(' ').next().unwrap_or(line), &self.run(line).run())
    }

    /// A run that must be refused with this exit code, and its error's message and hint.
    #[track_caller]
    pub(super) fn refused(&self, line: &str, code: i32) -> String {
        let output = self.run(line).status(code).run();
        let error = &document(line.split(' ').next().unwrap_or(line), &output)["error"];
        let mut said = String::new();
        for part in ["message", "hint"] {
            _ = writeln!(said, "{}", error[part].as_str().unwrap_or_default());
        }
        if let Some(place) = error["place"].as_object() {
            _ = writeln!(said, "{}:{}", place["file"].as_str().unwrap_or_default(), place["line"]);
        }
        said
    }

    pub(super) fn rows(&self) -> String {
        self.database.sql(self.tool.rows)
    }

    /// The rows that the tool has after that many migrations.
    fn rows_after(&self, done: usize) -> String {
        brought(self.beside(), done).rows()
    }

    /// Another one of the kind.
    fn beside(&self) -> Scene {
        let database = match &self.database {
            Fresh::Sqlite(_) => Fresh::sqlite(),
            Fresh::Postgres(database) => Fresh::postgres(database.major()),
        };
        Scene { tool: self.tool, dialect: self.dialect, project: Project::new(), database }
    }

    #[track_caller]
    fn assert_like(&self, done: usize, when: &str) {
        let plain = brought(self.beside(), done);
        self.database.assert_like_beside(&plain.database.catalog(), &[self.tool.ledger], when);
    }

    /// The versions as the files write them.
    fn versions(&self, numbers: std::ops::Range<usize>) -> Vec<Value> {
        let files = |number: usize| json!((self.tool.version)(number + 1));
        numbers.map(files).collect()
    }

    fn versions_of(list: &Value) -> Vec<Value> {
        let list = list.as_array().unwrap_or_else(|| panic!("{list} is no list"));
        list.iter().map(|one| one["version"].clone()).collect()
    }

    /// Versions with the zeros in front gone, where those do not count.
    #[track_caller]
    fn assert_versions(&self, list: &Value, numbers: std::ops::Range<usize>, when: &str) {
        let plain = |versions: Vec<Value>| -> Vec<String> {
            versions
                .iter()
                .map(|v| v.as_str().unwrap_or_default().trim_start_matches('0').to_owned())
                .collect()
        };
        assert_eq!(plain(Self::versions_of(list)), plain(self.versions(numbers)), "{when}");
    }
}

/// `init` and `status` know the tool; what it did is adopted and the rest applied, wherever
/// it stopped; its ledger is not touched.
pub(super) fn is_taken_over(tool: Tool) {
    everywhere(tool, |scene| {
        for done in 1..=4 {
            let scene = brought(scene(), done);
            let when = format!("{} on {:?} after {done}", tool.name, scene.dialect);
            assert_eq!(scene.done("init")["format"], tool.name, "{when}");
            let said = scene.refused("migrate", 3);
            assert!(said.contains(&format!("{} has applied", tool.name)), "{when}: {said}");
            assert!(said.contains("cofferdam adopt"), "{when}: {said}");
            let rows = scene.rows();

            let adopted = scene.done("adopt");
            assert_eq!(adopted["source"], tool.name, "{when}");
            scene.assert_versions(&adopted["adopted"], 0..done, &when);
            assert_eq!(scene.done("plan")["findings"], json!([]), "{when}");
            let migrated = scene.done("migrate");
            scene.assert_versions(&migrated["applied"], done..4, &when);
            let status = scene.done("status");
            assert_eq!((&status["pending"], &status["problems"]), (&json!([]), &json!([])), "{when}");
            assert_eq!(scene.rows(), rows, "{when}: its ledger was touched");
            scene.assert_like(4, &when);
            assert_eq!(scene.done("audit --verify")["verified"], true, "{when}");
        }
    });
}

/// With `--keep-in-step` the tool's rows are those that it would have written, forward and
/// back, one step and to a version.
pub(super) fn is_kept_in_step(tool: Tool) {
    everywhere(tool, |scene| {
        let scene = brought(scene(), 2);
        let when = format!("{} on {:?}", tool.name, scene.dialect);
        // What Cofferdam applied before it was asked is caught up.
        scene.done("adopt");
        scene.done(&format!("migrate --to {}", (tool.version)(3)));
        assert_eq!(scene.done("adopt --keep-in-step")["keep_in_step"], tool.name, "{when}");
        assert_eq!(scene.rows(), scene.rows_after(3), "{when}: caught up");
        scene.done("migrate");
        assert_eq!(scene.rows(), scene.rows_after(4), "{when}: migrated");

        scene.done("rollback");
        assert_eq!(scene.rows(), scene.rows_after(3), "{when}: one step back");
        scene.assert_like(3, &when);
        let said = scene.refused("rollback", 3);
        assert!(said.contains("--discard-writes"), "{when}: {said}");
        assert_eq!(scene.rows(), scene.rows_after(3), "{when}: refused");
        let back = scene.done(&format!("rollback {} --discard-writes", (tool.version)(1)));
        assert_eq!(back["undone"].as_array().map(Vec::len), Some(2), "{when}: {back}");
        assert_eq!(scene.rows(), scene.rows_after(1), "{when}: back to the first");
        scene.assert_like(1, &when);
        scene.done("migrate");
        assert_eq!(scene.rows(), scene.rows_after(4), "{when}: forward again");
        scene.assert_like(4, &when);
    });
}

/// What does not fit the folder is named, and nothing is changed.
pub(super) fn gaps_are_named(tool: Tool) {
    everywhere(tool, |scene| {
        let scene = brought(scene(), 2);
        let when = format!("{} on {:?}", tool.name, scene.dialect);
        scene.database.sql(&(tool.record)(&(tool.version)(9)));
        let said = scene.refused("adopt", 3);
        assert!(said.contains(&format!("{} applied", tool.name)), "{when}: {said}");
        assert!(
            said.contains("its file is not in") && said.contains("bring the file back"),
            "{when}: {said}"
        );
    });
    everywhere(tool, |scene| {
        let scene = brought(scene(), 3);
        let when = format!("{} on {:?}", tool.name, scene.dialect);
        scene.done("adopt");
        let (path, text) = (tool.files)(&(tool.version)(1), &steps(scene.dialect)[0]).remove(0);
        scene.project.write(&format!("{}/{path}", tool.folder), format!("{text}-- edited\n"));
        let said = scene.refused("migrate", 3);
        assert!(said.contains("was edited after it was applied"), "{when}: {said}");
    });
}
