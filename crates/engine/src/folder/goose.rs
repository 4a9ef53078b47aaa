//! goose's folders: `<n>_<name>.sql` with parts after `-- +goose Up` and `-- +goose Down`,
//! and programs in Go beside them. Source: goose 3.27, read.
//!
//! Refused as goose refuses them: annotations that are missing, misspelt or in the wrong
//! order, and a last statement of the way forward that never ends. A program, and a file
//! whose text goose completes from the environment, are migrations that only goose can run.

use cofferdam_analysis::{Error, Result};

use super::Contents;
use super::listing::{Listing, Text};
use super::marker::{self, Line, lines};
use super::migration::{Migration, OnlyByTool};
use super::version::Version;

const MARK: &str = "+goose";

pub(super) fn owns(listing: &Listing) -> bool {
    marker::any_has(listing, is_annotation)
}

pub(super) fn read(listing: &Listing) -> Result<Contents> {
    let mut contents = Contents::default();
    for file in listing.sql() {
        match parse(file) {
            Some((version, name)) => contents.migrations.push(migration(listing, file, version, name)?),
            None => {
                contents
                    .notes
                    .push(format!("{file} has no version and is left alone; goose's command refuses it"));
            }
        }
    }
    for file in listing.files.iter().filter(|file| file.ends_with(".go") && !file.ends_with("_test.go")) {
        // Go files without a number are the program around the migrations.
        let Some((version, name)) = parse(file) else { continue };
        contents.notes.push(format!("{file} is a program: only goose can run it"));
        let text = Text::default();
        let mut program = Migration::of_file(version, name, listing.path(file), &text);
        program.only_by_tool = Some(OnlyByTool::Program);
        contents.migrations.push(program);
    }
    contents.migrations.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(contents)
}

/// The number before the first `_`, from 1 on, and what follows it.
fn parse(file: &str) -> Option<(Version, &str)> {
    let (stem, _) = file.rsplit_once('.')?;
    let (version, name) = stem.split_once('_')?;
    let version = Version::number(version)?;
    (version.as_i64()? > 0).then_some((version, name))
}

fn migration(listing: &Listing, file: &str, version: Version, name: &str) -> Result<Migration> {
    let text = listing.text(file)?;
    let mut migration = Migration::of_file(version, name, listing.path(file), &text);
    let read = Annotations::read(&text).map_err(|wrong| wrong.error(&migration, &text))?;
    marker::split(&mut migration, &text.text, read.down);
    migration.no_transaction = read.no_transaction;
    migration.down_no_transaction = read.no_transaction;
    migration.only_by_tool = read.completed.map(|line| OnlyByTool::Completed { line });
    Ok(migration)
}

/// What stands in front of a line's first statement: goose takes no other.
fn is_annotation(line: &str) -> bool {
    line.trim_start().starts_with("--") && line.contains(MARK)
}

/// Where the reader of annotations stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// After `Up` or `Down`, between statements that end with a semicolon.
    Simple(Way),
    /// After `StatementBegin`.
    Block(Way),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// What the annotations of a file say.
#[derive(Debug, Default)]
struct Annotations {
    /// Where the way back starts.
    down: Option<usize>,
    no_transaction: bool,
    /// The line from which on variables are filled in.
    completed: Option<usize>,
}

/// What goose would refuse; about a line, or the end of the file.
struct Wrong<'a> {
    line: Option<Line<'a>>,
    what: &'static str,
}

impl Wrong<'_> {
    fn error(self, migration: &Migration, text: &Text) -> Error {
        let message = format!("{}: {}, and goose refuses the file so", migration.file_name(), self.what);
        let error = match self.line {
            Some(line) => marker::error(&migration.path, text, line, message),
            None => Error::invalid(message),
        };
        error.hint(
            "a file of goose's begins with `-- +goose Up`; what takes it back follows `-- +goose Down`; statements \
             with semicolons inside stand between `-- +goose StatementBegin` and `-- +goose StatementEnd`",
        )
    }
}

impl Annotations {
    fn read(text: &Text) -> Result<Annotations, Wrong<'_>> {
        let mut found = Annotations::default();
        let mut state = State::Start;
        // The line on which a statement began that has not ended yet.
        let mut open: Option<Line<'_>> = None;
        for line in lines(&text.text) {
            if is_annotation(line.text) {
                state = found.annotation(state, line, open)?;
                open = None;
                continue;
            }
            if open.is_none() && line.says_nothing() {
                continue;
            }
            match state {
                State::Start => {
                    return Err(Wrong { line: Some(line), what: "a statement stands before `-- +goose Up`" });
                }
                State::Simple(_) => open = (!ends_statement(line.text)).then_some(open.unwrap_or(line)),
                State::Block(_) => {}
            }
        }
        match state {
            State::Start => Err(Wrong { line: None, what: "there is no `-- +goose Up`" }),
            State::Block(_) => Err(Wrong { line: None, what: "a `-- +goose StatementEnd` is missing" }),
            State::Simple(Way::Up) if open.is_some() => Err(unfinished(open)),
            // Of the way back goose says so only when it is to run; we find its end ourselves.
            State::Simple(_) => Ok(found),
        }
    }

    fn annotation<'a>(
        &mut self,
        state: State,
        line: Line<'a>,
        open: Option<Line<'a>>,
    ) -> Result<State, Wrong<'a>> {
        let wrong = |what| Err(Wrong { line: Some(line), what });
        if !line.text.starts_with("--") {
            return wrong("an annotation begins with its two dashes, without blanks in front");
        }
        let said = line.text.replacen("--", "", 1).replacen(MARK, "", 1).trim().to_ascii_lowercase();
        match (said.as_str(), state) {
            ("up", State::Start) => Ok(State::Simple(Way::Up)),
            ("up", _) => wrong("there are two `-- +goose Up`"),
            ("down", State::Simple(Way::Up)) if open.is_some() => Err(unfinished(open)),
            ("down", State::Simple(Way::Up)) => {
                self.down = Some(line.start);
                Ok(State::Simple(Way::Down))
            }
            ("down", State::Simple(Way::Down) | State::Block(Way::Down)) => {
                wrong("there are two `-- +goose Down`")
            }
            ("down", State::Start) => wrong("`-- +goose Down` stands before `-- +goose Up`"),
            ("down", State::Block(Way::Up)) => wrong("a `-- +goose StatementEnd` is missing"),
            ("statementbegin", State::Simple(way)) => Ok(State::Block(way)),
            ("statementbegin", State::Start) => {
                wrong("`-- +goose StatementBegin` stands before `-- +goose Up`")
            }
            ("statementbegin", State::Block(_)) => wrong("there are two `-- +goose StatementBegin` in a row"),
            ("statementend", State::Block(way)) => Ok(State::Simple(way)),
            ("statementend", _) => wrong("`-- +goose StatementEnd` ends nothing"),
            ("no transaction", state) => {
                self.no_transaction = true;
                Ok(state)
            }
            ("envsub on", state) => {
                self.completed.get_or_insert(line.number);
                Ok(state)
            }
            ("envsub off", state) => Ok(state),
            _ => wrong("this is no annotation that goose knows"),
        }
    }
}

fn unfinished(open: Option<Line<'_>>) -> Wrong<'_> {
    Wrong { line: open, what: "the statement that begins here never ends: is its semicolon missing?" }
}

/// goose ends a statement with a line whose last word before a comment ends with a semicolon.
fn ends_statement(line: &str) -> bool {
    let words = line.split_whitespace().take_while(|word| !word.starts_with("--"));
    words.last().is_some_and(|word| word.ends_with(';'))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::folder::{Down, Folder, Format};

    fn folder(files: &[(&str, &str)]) -> Result<Folder> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (name, content) in files {
            fs::write(dir.path().join(name), content).expect("a file in it");
        }
        Folder::read(dir.path(), None)
    }

    fn one(text: &str) -> Migration {
        folder(&[("00001_a.sql", text)]).expect("a folder of goose's").migrations.remove(0)
    }

    fn error(text: &str) -> String {
        let good = ("1_good.sql", "-- +goose Up\nselect 1;\n");
        let error = folder(&[good, ("2_bad.sql", text)]).expect_err("a bad file");
        let line = error.place().map_or(0, |place| place.line);
        format!("{line}: {}", error.message())
    }

    #[test]
    fn order_is_numeric_and_programs_are_migrations_that_only_goose_can_run() {
        let good = "-- +goose Up\nselect 1;\n";
        let read = folder(&[
            ("10_b.sql", good),
            ("00009_a.sql", good),
            ("00011_fill.go", "package migrations"),
            ("00011_fill_test.go", ""),
            ("embed.go", ""),
            ("seed.sql", ""),
            ("0_zero.sql", ""),
        ])
        .expect("a folder of goose's");
        let seen: Vec<_> = read.migrations.iter().map(|m| (m.version.as_str(), m.is_program())).collect();
        assert_eq!(seen, [("00009", false), ("10", false), ("00011", true)]);
        assert_eq!((read.format, read.notes.len()), (Format::Goose, 3));
    }

    #[test]
    fn a_program_and_a_file_of_one_version_are_refused() {
        let error =
            folder(&[("1_a.sql", "-- +goose Up\nselect 1;\n"), ("001_b.go", "")]).expect_err("two of one");
        assert!(error.message().contains("have the same version"), "{}", error.message());
    }

    #[test]
    fn both_ways_keep_their_places_in_the_file() {
        for end in ["\n", "\r\n"] {
            let text = "\n-- why\n-- +goose up\n-- +goose StatementBegin\ncreate function f() returns int as $$ select 1; $$\nlanguage sql\n-- +goose StatementEnd\nselect f() -- x\n ; -- done\n--+goose DOWN\ndrop function f();\n"
                .replace('\n', end);
            let migration = one(&text);
            let Some(Down::Section(down)) = &migration.down else { panic!("no way back") };
            assert_eq!(migration.text.find("create"), text.find("create"));
            assert_eq!(down.find("drop"), text.find("drop"));
            assert!(!migration.text.contains("drop") && !down.contains("create"));
            assert!(!migration.no_transaction);
        }
    }

    #[test]
    fn no_transaction_counts_for_both_ways_wherever_it_stands() {
        for text in [
            "-- +goose NO TRANSACTION\n-- +goose Up\nvacuum;\n",
            "-- +goose Up\nvacuum;\n-- +goose no transaction\n",
        ] {
            let migration = one(text);
            assert!(migration.no_transaction && migration.down_no_transaction && migration.down.is_none());
        }
    }

    #[test]
    fn a_file_that_is_completed_from_the_environment_is_not_ours_to_run() {
        let migration =
            one("-- +goose Up\n-- +goose ENVSUB ON\ngrant select on a to ${ROLE};\n-- +goose ENVSUB OFF\n");
        assert_eq!(migration.only_by_tool, Some(OnlyByTool::Completed { line: 2 }));
    }

    #[test]
    fn what_goose_refuses_is_refused_with_its_line() {
        let cases = [
            ("select 1;\n", "1: 2_bad.sql: a statement stands before `-- +goose Up`"),
            ("-- nothing\n", "0: 2_bad.sql: there is no `-- +goose Up`"),
            ("-- +goose Up\n-- +goose Up\n", "2: 2_bad.sql: there are two `-- +goose Up`"),
            ("-- +goose Down\n", "1: 2_bad.sql: `-- +goose Down` stands before"),
            (
                "-- +goose Up\n-- +goose Down\n-- +goose Down\n",
                "3: 2_bad.sql: there are two `-- +goose Down`",
            ),
            (
                "-- +goose Up\nselect 1\n-- +goose Down\n",
                "2: 2_bad.sql: the statement that begins here never ends",
            ),
            (
                "-- +goose Up\nselect 1;\nselect\n2\n",
                "3: 2_bad.sql: the statement that begins here never ends",
            ),
            (
                "-- +goose Up\n-- +goose StatementBegin\nselect 1;\n",
                "0: 2_bad.sql: a `-- +goose StatementEnd` is missing",
            ),
            ("-- +goose Up\n-- +goose StatementEnd\n", "2: 2_bad.sql: `-- +goose StatementEnd` ends nothing"),
            ("-- +goose Up\n  -- +goose NO TRANSACTION\n", "2: 2_bad.sql: an annotation begins with"),
            ("-- +goose Up now\n", "1: 2_bad.sql: this is no annotation"),
        ];
        for (text, expected) in cases {
            assert!(error(text).starts_with(expected), "{text}\n{}", error(text));
        }
        let unended_down = one("-- +goose Up\nselect 1;\n-- +goose Down\nselect 2");
        assert!(unended_down.down.is_some());
    }
}
