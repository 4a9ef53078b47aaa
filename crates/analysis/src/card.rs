//! What a rule is, as data: the text people read, and examples that are its tests.

use std::fmt::Write as _;

use crate::finding::Severity;
use crate::sql::Dialect;

/// Everything about a rule that is no code.
///
/// The texts are used by findings, by `cofferdam explain` and by the guide; the
/// examples are run by a test, so they cannot lie.
#[derive(Debug, Clone, Copy)]
pub struct Card {
    /// Kebab-case and final: it stands in people's files.
    pub id: &'static str,
    /// A few words, as a heading.
    pub title: &'static str,
    /// For an existing table of unknown size.
    pub severity: Severity,
    /// One sentence: what goes wrong. Begins in lower case, without a full stop.
    pub why: &'static str,
    /// One sentence in the imperative: what to write instead. As `why`.
    pub safe_form: &'static str,
    /// The dialects it judges; the first is that of the examples. Empty for rules over other files.
    pub dialects: &'static [Dialect],
    /// Rows or columns are lost: the size of a table never lowers it.
    pub loss: bool,
    /// The safe form can be generated (not necessarily for each finding).
    pub fixable: bool,
    /// The strongest lock the pattern takes, in Postgres' spelling.
    pub lock: Option<&'static str>,
    /// Whether the pattern rewrites the table.
    pub rewrite: Option<bool>,
    /// Whether the pattern scans the table in full.
    pub scan: Option<bool>,
    /// The rules that say less about the same part of a statement: their finding gives way.
    pub supersedes: &'static [&'static str],
    /// The form to avoid. `None` for what only a running program can find.
    pub bad: Option<Example>,
    /// The form to use.
    pub good: Option<Example>,
}

/// An example of a [`Card`].
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The name of the file it would stand in.
    pub file: &'static str,
    /// SQL that already ran: the tables as they stand.
    pub given: &'static str,
    /// The file's content.
    pub text: &'static str,
    /// Other rules that rightly have something to say about it.
    pub also: &'static [&'static str],
}

impl Example {
    /// A migration.
    pub const fn sql(text: &'static str) -> Self {
        Self { file: "0007_example.sql", given: "", text, also: &[] }
    }

    /// A migration of a database that `given` made.
    pub const fn on(given: &'static str, text: &'static str) -> Self {
        Self { file: "0007_example.sql", given, text, also: &[] }
    }

    /// Another kind of file.
    pub const fn file(file: &'static str, text: &'static str) -> Self {
        Self { file, given: "", text, also: &[] }
    }

    /// Names rules that find something in it as well.
    #[must_use]
    pub const fn also(mut self, rules: &'static [&'static str]) -> Self {
        self.also = rules;
        self
    }
}

impl Card {
    /// What most cards have in common, for `..Card::BLANK`.
    pub const BLANK: Card = Card {
        id: "",
        title: "",
        severity: Severity::Error,
        why: "",
        safe_form: "",
        dialects: &[Dialect::Postgres, Dialect::Sqlite],
        loss: false,
        fixable: false,
        lock: None,
        rewrite: None,
        scan: None,
        supersedes: &[],
        bad: None,
        good: None,
    };

    /// The card as plain text, for a terminal.
    pub fn explain(&self) -> String {
        let mut text = format!("{} ({})\n{}\n\n", self.id, self.severity.as_str(), self.title);
        for line in self.paragraphs() {
            text.push_str(&line);
            text.push('\n');
        }
        for (heading, example) in self.examples() {
            let _ = writeln!(text, "\n{heading} ({}):", example.file);
            for part in [example.given, example.text].iter().filter(|part| !part.is_empty()) {
                for line in part.trim_end().lines() {
                    let _ = writeln!(text, "{}", format!("    {line}").trim_end());
                }
            }
        }
        text
    }

    /// The card as a page of the guide.
    pub fn markdown(&self) -> String {
        let mut text = format!("# `{}`\n\n{}\n", self.id, self.title);
        for line in self.paragraphs() {
            let _ = write!(text, "\n{line}\n");
        }
        for (heading, example) in self.examples() {
            let _ = write!(text, "\n## {heading}\n");
            for (part, note) in [(example.given, "Given:"), (example.text, example.file)] {
                if !part.is_empty() {
                    let _ = write!(text, "\n{note}\n\n```{}\n{}\n```\n", fence(note), part.trim_end());
                }
            }
        }
        text
    }

    fn paragraphs(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "Severity: {}{}",
                self.severity.as_str(),
                if self.loss { ", whatever the size of the table" } else { "" }
            ),
            format!("Judges: {}", self.judges()),
        ];
        let costs: Vec<String> = [
            self.lock.map(|lock| format!("takes {lock}")),
            (self.rewrite == Some(true)).then(|| "rewrites the table".to_owned()),
            (self.scan == Some(true)).then(|| "scans the table".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !costs.is_empty() {
            lines.push(format!("Cost: {}", costs.join(", ")));
        }
        lines.push(format!("Why: {}.", self.why));
        lines.push(format!("Instead: {}.", self.safe_form));
        if self.fixable {
            lines.push("The safe form can be generated in most cases.".to_owned());
        }
        lines
    }

    fn judges(&self) -> String {
        let names: Vec<&str> = self
            .dialects
            .iter()
            .map(|dialect| match dialect {
                Dialect::Postgres => "Postgres",
                Dialect::Sqlite => "SQLite",
            })
            .collect();
        if names.is_empty() { "files beside the migrations".to_owned() } else { names.join(", ") }
    }

    fn examples(&self) -> impl Iterator<Item = (&'static str, Example)> {
        [("Avoid", self.bad), ("Use", self.good)].into_iter().filter_map(|(h, e)| e.map(|e| (h, e)))
    }
}

fn fence(file: &str) -> &str {
    match file.rsplit_once('.') {
        Some((_, "json")) => "json",
        Some((_, "yml" | "yaml")) => "yaml",
        Some((_, "sh")) => "sh",
        Some((_, "sql")) => "sql",
        _ if file == "Given:" => "sql",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: Card = Card {
        id: "drop-thing",
        title: "Something is dropped",
        why: "it is gone",
        safe_form: "keep it",
        lock: Some("AccessExclusive"),
        loss: true,
        bad: Some(Example::on("create table a (b int);", "drop table a;\n\nselect 1;\n")),
        good: Some(Example::sql("select 1;\n")),
        ..Card::BLANK
    };

    #[test]
    fn a_card_reads_as_plain_text() {
        assert_eq!(
            CARD.explain(),
            "drop-thing (error)\nSomething is dropped\n\n\
             Severity: error, whatever the size of the table\nJudges: Postgres, SQLite\n\
             Cost: takes AccessExclusive\nWhy: it is gone.\nInstead: keep it.\n\n\
             Avoid (0007_example.sql):\n    create table a (b int);\n    drop table a;\n\n    select 1;\n\n\
             Use (0007_example.sql):\n    select 1;\n"
        );
    }

    #[test]
    fn a_card_is_a_page_with_fenced_examples() {
        let page = CARD.markdown();
        assert!(page.starts_with("# `drop-thing`\n\nSomething is dropped\n"), "{page}");
        assert!(page.contains("\n## Avoid\n\nGiven:\n\n```sql\ncreate table a (b int);\n```\n"), "{page}");
        assert!(page.contains("\n0007_example.sql\n\n```sql\nselect 1;\n```\n"), "{page}");
    }
}
