//! The builder that tests of rules use: a set of files, judged.

use super::{
    Allow, At, Context, Input, JudgedFile, Known, Levels, Outline, Role, Table, Transaction, World, judge,
    render,
};
use crate::finding::Finding;
use crate::sql::{Dialect, ObjectName, Script};

/// An ordered set of files of one dialect, with what is known about the database.
pub(crate) struct Set {
    dialect: Dialect,
    files: Vec<(Script, Role)>,
    tables: Option<Tables>,
    transaction: Transaction,
    allows: Vec<Allow>,
    levels: Levels,
}

/// What a set was found to hold.
pub(crate) struct Judged {
    sql: String,
    pub(crate) findings: Vec<Finding>,
}

struct Tables(Vec<Table>);

impl Known for Tables {
    fn tables(&self) -> Vec<Table> {
        self.0.clone()
    }
}

/// One Postgres migration over tables nobody knows.
pub(crate) fn postgres(sql: &str) -> Judged {
    Set::postgres().file(sql).judge()
}

/// One SQLite migration over tables nobody knows.
pub(crate) fn sqlite(sql: &str) -> Judged {
    Set::sqlite().file(sql).judge()
}

impl Set {
    pub(crate) fn postgres() -> Self {
        Self::new(Dialect::Postgres)
    }

    pub(crate) fn sqlite() -> Self {
        Self::new(Dialect::Sqlite)
    }

    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            files: Vec::new(),
            tables: None,
            transaction: Transaction::Auto,
            allows: Vec::new(),
            levels: Levels::new(),
        }
    }

    /// SQL that already ran.
    pub(crate) fn schema(self, sql: &str) -> Self {
        self.with(sql, Role::Schema)
    }

    /// A file that an earlier attempt of this run applied.
    pub(crate) fn earlier_in_run(self, sql: &str) -> Self {
        self.with(sql, Role::EarlierInRun)
    }

    /// A file to be judged.
    pub(crate) fn file(self, sql: &str) -> Self {
        self.with(sql, Role::Judged)
    }

    /// A live catalog without tables.
    pub(crate) fn empty_database(mut self) -> Self {
        self.tables = Some(Tables(Vec::new()));
        self
    }

    /// A live catalog with one table of so many rows more.
    pub(crate) fn table_of(mut self, name: &str, rows: Option<u64>) -> Self {
        let name = match name.split_once('.') {
            Some((schema, name)) => ObjectName::qualified(schema, name),
            None => ObjectName::bare(name),
        };
        let mut table = Table::mentioned(name, super::Origin::Existing);
        table.rows = rows;
        self.tables.get_or_insert_with(|| Tables(Vec::new())).0.push(table);
        self
    }

    pub(crate) fn transaction(mut self, transaction: Transaction) -> Self {
        self.transaction = transaction;
        self
    }

    pub(crate) fn allow(mut self, rule: &str, reason: &str) -> Self {
        self.allows.push(Allow { rule: rule.to_owned(), reason: reason.to_owned() });
        self
    }

    pub(crate) fn level(mut self, rule: &str, level: super::Level) -> Self {
        self.levels.insert(rule.to_owned(), level);
        self
    }

    fn with(mut self, sql: &str, role: Role) -> Self {
        let name = format!("{:04}.sql", self.files.len() + 1);
        self.files.push((Script::parse(self.dialect, &name, sql), role));
        self
    }

    /// What `look` sees after the last statement of the last file.
    pub(crate) fn at_end<T>(&self, look: impl FnOnce(&Context<'_>) -> T) -> T {
        let known = self.tables.as_ref().map(|t| t as &dyn Known);
        let mut world = World::new(self.dialect, known);
        for (n, (script, role)) in self.files.iter().enumerate() {
            world.begin_file(n, script, self.transaction, *role != Role::Schema);
            super::follow(script, &mut world);
        }
        let (script, _) = self.files.last().expect("a set has files");
        let outline = Outline::of(script);
        let at = At { statement: script.statements.len(), effect: 0 };
        look(&Context { world: &world, script, outline: &outline, statement: None, at })
    }

    pub(crate) fn judge(&self) -> Judged {
        let files: Vec<JudgedFile<'_>> = self
            .files
            .iter()
            .map(|(script, role)| JudgedFile {
                transaction: self.transaction,
                levels: Some(&self.levels),
                ..JudgedFile::new(script, *role)
            })
            .collect();
        let known = self.tables.as_ref().map(|t| t as &dyn Known);
        let input = Input { known, allows: &self.allows, ..Input::new(self.dialect, &files) };
        let sql: Vec<&str> = self.files.iter().map(|(script, _)| &*script.text).collect();
        Judged { sql: sql.join("\n"), findings: judge(&input) }
    }
}

impl Judged {
    /// `severity message` of each finding of `rule`.
    pub(crate) fn lines(&self, rule: &str) -> Vec<String> {
        let own = self.findings.iter().filter(|f| f.rule == rule);
        own.map(|f| format!("{} {}", f.severity.as_str(), f.message)).collect()
    }

    /// `severity rule` of what the loss rules and the judge itself found; what other rules
    /// say about the same statements is the business of their own tests.
    pub(crate) fn losses(&self) -> Vec<String> {
        let ours = self.findings.iter().filter(|f| {
            crate::rules::find(f.rule).is_some_and(|r| r.card.loss || matches!(r.check, super::Check::Judge))
        });
        ours.map(|f| format!("{} {}", f.severity.as_str(), f.rule)).collect()
    }

    fn sql(&self) -> &str {
        &self.sql
    }

    /// Everything, as [`render`] writes it.
    pub(crate) fn text(&self) -> String {
        render(&self.findings)
    }
}

/// Fails if `rule` has anything to say.
#[track_caller]
pub(crate) fn assert_silent(rule: &str, judged: &Judged) {
    let lines = judged.lines(rule);
    assert!(lines.is_empty(), "{lines:?} in {}", judged.sql());
}
