//! Anything worth saying about a statement, a file or a database.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::place::Place;

/// How much a finding matters. Ordered: `Note < Warning < Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Look at it before it runs in production.
    Warning,
    /// `migrate` refuses it unless it is allowed with a reason.
    Error,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// What kind of repair a [`Fix`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FixKind {
    /// Replace the statement by `sql`.
    Rewrite,
    /// Replace the statement by several that must not share a transaction.
    Split,
}

/// The safe form, as SQL that can stand in the statement's place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Fix {
    /// How `sql` takes the statement's place.
    pub kind: FixKind,
    /// The statements, each without its semicolon.
    pub sql: Vec<String>,
}

/// One thing found: by a rule over SQL, by drift, health or validation.
///
/// Serialises to the shape that `--format json` prints (cli.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id: kebab-case, final.
    pub rule: &'static str,
    /// How much it matters here.
    pub severity: Severity,
    /// Where; `None` for what stands in no file.
    #[serde(flatten, serialize_with = "place_fields")]
    pub place: Option<Place>,
    /// The statement's own text, as the file has it; `None` for what is no statement.
    pub statement: Option<String>,
    /// One sentence: what happens to which object.
    pub message: String,
    /// One sentence: why that hurts.
    pub why: String,
    /// The safe form, where it can be generated.
    pub fix: Option<Fix>,
    /// What to do, in words; every finding without a `fix` has one.
    pub help: Option<String>,
    /// The strongest lock taken, in Postgres' spelling (`AccessExclusive`).
    pub lock: Option<&'static str>,
    /// Whether the table is rewritten; `None` when unknown.
    pub rewrite: Option<bool>,
    /// Whether the table is scanned in full; `None` when unknown.
    pub scan: Option<bool>,
    /// The reason given by an allow directive that covers this finding.
    pub allowed: Option<String>,
    /// What `migrate` must prove before the statement runs, for a loss that is only a
    /// note because nobody's rows can be in it.
    #[serde(skip)]
    pub proof: Option<NobodysRows>,
    /// The text the place points into, so that renderers can show it.
    #[serde(skip)]
    pub text: Option<Arc<str>>,
}

/// The claim behind a loss that is reported as a note: these tables (or the tables of
/// these columns) were made in this run, and nobody but the run wrote to them since.
/// `migrate` proves it under the statement's own lock, or the rule stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NobodysRows {
    /// The tables.
    pub tables: Vec<crate::sql::ObjectName>,
    /// When only a column of the (single) table is lost: that column. Then rows may
    /// stand in the table as long as the column was added in this run.
    pub column: Option<String>,
    /// The run itself changed or rewrote rows after the transaction that made the table, so
    /// in Postgres `xmin` no longer tells whose they were: only an empty table proves it.
    pub must_be_empty: bool,
}

impl Finding {
    /// A finding without place; builders below fill in the rest.
    pub fn new(
        rule: &'static str,
        severity: Severity,
        message: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            severity,
            place: None,
            statement: None,
            message: message.into(),
            why: why.into(),
            fix: None,
            help: None,
            lock: None,
            rewrite: None,
            scan: None,
            allowed: None,
            proof: None,
            text: None,
        }
    }

    /// Whether it stops `migrate`: an error that nobody allowed.
    pub fn refuses(&self) -> bool {
        self.severity == Severity::Error && self.allowed.is_none()
    }
}

fn place_fields<S: serde::Serializer>(place: &Option<Place>, s: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = s.serialize_map(Some(3))?;
    map.serialize_entry("file", &place.as_ref().map(|p| &p.file))?;
    map.serialize_entry("line", &place.as_ref().map(|p| p.line))?;
    map.serialize_entry("column", &place.as_ref().map(|p| p.column))?;
    map.end()
}
