//! One migration of a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, Result};

use super::checksum::Checksum;
use super::listing::{Text, read_text};
use super::version::Version;

/// One migration of a folder.
#[derive(Debug, Clone)]
pub struct Migration {
    /// What its file or folder begins with.
    pub version: Version,
    /// What stands between version and ending: `note_status`.
    pub name: String,
    /// What the folder's own tool calls it in its ledger: Prisma's folder name, Drizzle's
    /// tag, Flyway's script.
    pub tag: String,
    /// The file that is applied.
    pub path: PathBuf,
    /// What is applied of it, BOM removed. Where a file also holds its way back, that part
    /// is blanked out, so that places still count from the file's start.
    pub text: Arc<str>,
    /// Ours: BLAKE3 of the whole file with line ends normalised.
    pub checksum: Checksum,
    /// The one the folder's own tool would write.
    pub foreign: Option<ForeignChecksum>,
    /// The time the tool's own books give it, in milliseconds since 1970 (Drizzle).
    pub stamp: Option<i64>,
    /// What takes it back.
    pub down: Option<Down>,
    /// The format's own marker says: no transaction.
    pub no_transaction: bool,
    /// The same of what takes it back.
    pub down_no_transaction: bool,
    /// It is not ours to run.
    pub only_by_tool: Option<OnlyByTool>,
    /// It may run after newer ones have (refinery's `U` files).
    pub any_order: bool,
}

/// Why only the folder's own tool can run a migration. Once the tool has, its history is
/// taken over like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnlyByTool {
    /// It is a program; nothing of it is read.
    Program,
    /// Its text is completed from the environment, from this line on.
    Completed {
        /// Counted from 1.
        line: usize,
    },
}

/// A checksum in the form in which the tool writes it; bytes as lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForeignChecksum {
    /// What the tool would write now.
    pub written: String,
    /// What else it accepts as this file's.
    pub accepted: Vec<String>,
    /// What it would write if the line ends were the other ones (`\n` for `\r\n`), where that
    /// makes a difference: then an editor or git changed the file, not a person.
    pub other_line_ends: Option<String>,
}

impl ForeignChecksum {
    /// Whether the tool would take a file with this checksum for unchanged.
    pub fn accepts(&self, kept: &str) -> bool {
        self.written == kept || self.accepted.iter().any(|accepted| accepted == kept)
    }
}

/// The statements that take a migration back.
#[derive(Debug, Clone)]
pub enum Down {
    /// A file of their own.
    File(PathBuf),
    /// A part of the migration's file; everything else in it is blanked out.
    Section(Arc<str>),
    /// A file of their own whose text is at hand: its placeholders are replaced, or it is
    /// part of the program.
    Known {
        /// The file.
        path: PathBuf,
        /// What is run of it.
        text: Arc<str>,
    },
}

impl Migration {
    /// A migration that is one file as a whole, with nothing special about it.
    pub(super) fn of_file(version: Version, name: &str, path: PathBuf, text: &Text) -> Migration {
        Migration {
            tag: version.to_string(),
            version,
            name: name.to_owned(),
            path,
            checksum: Checksum::of_text(&text.text),
            text: text.text.clone(),
            foreign: None,
            stamp: None,
            down: None,
            no_transaction: false,
            down_no_transaction: false,
            only_by_tool: None,
            any_order: false,
        }
    }

    /// A migration that is a program, of which only this SQL is known.
    pub fn of_program(version: &str, name: &str, sql: &str) -> Migration {
        let text = Text { text: sql.into(), bytes: Vec::new() };
        Migration::of_file(Version::text(version), name, PathBuf::from(format!("{version}.sql")), &text)
    }

    /// Whether it is a program: its text says nothing about what it does, so that neither
    /// its checksum nor its statements count.
    pub fn is_program(&self) -> bool {
        self.only_by_tool == Some(OnlyByTool::Program)
    }

    /// Whether only the file that takes it back is there.
    pub fn has_no_way_forward(&self) -> bool {
        matches!(&self.down, Some(Down::File(down) | Down::Known { path: down, .. }) if *down == self.path)
    }

    /// Why it cannot be run here, for people; `None` when it can.
    pub fn not_ours_to_run(&self) -> Option<String> {
        Some(match self.only_by_tool? {
            OnlyByTool::Program => format!("{} is a program", self.file_name()),
            OnlyByTool::Completed { line } => format!(
                "{} is completed with variables of the environment from line {line} on",
                self.file_name()
            ),
        })
    }

    /// The file name, for people; with its folder where all files are called the same.
    pub fn file_name(&self) -> String {
        file_name(&self.path)
    }

    /// Version and name, as people know it: `0007_note_status`.
    pub fn title(&self) -> String {
        title(self.version.as_str(), &self.name)
    }

    /// The parsed text.
    pub fn script(&self, dialect: Dialect) -> Script {
        Script::sharing(dialect, &self.path.display().to_string(), self.text.clone())
    }

    /// Where its way back stands, for people.
    pub fn down_place(&self) -> Option<String> {
        self.down.as_ref().map(|down| match down {
            Down::File(path) | Down::Known { path, .. } => path.display().to_string(),
            Down::Section(_) => format!("the down part of {}", self.path.display()),
        })
    }

    /// The parsed text of what takes it back.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn down_script(&self, dialect: Dialect) -> Result<Script> {
        match &self.down {
            Some(Down::File(path)) => {
                Ok(Script::parse(dialect, &path.display().to_string(), &read_text(path)?.text))
            }
            Some(Down::Known { path, text }) => Ok(Script::parse(dialect, &path.display().to_string(), text)),
            Some(Down::Section(text)) => Ok(Script::parse(dialect, &self.path.display().to_string(), text)),
            None => Err(Error::invalid(format!("{} has no down file", self.file_name()))
                .hint("write the statements that take it back into a down file beside it")),
        }
    }
}

/// The name of a migration's file, for people; with its folder where all files are called the same.
pub fn file_name(path: &Path) -> String {
    let last = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let name = last(path);
    match path.parent() {
        Some(folder) if name == "migration.sql" || name == "up.sql" => format!("{}/{name}", last(folder)),
        _ => name,
    }
}

/// Version and name together; a version that holds the name already stands alone.
pub fn title(version: &str, name: &str) -> String {
    if name.is_empty() || version.ends_with(name) { version.to_owned() } else { format!("{version}_{name}") }
}

/// The text with everything outside of `keep` turned into blanks, line ends kept.
pub(super) fn only(text: &str, keep: std::ops::Range<usize>) -> String {
    let blank = |part: &str| {
        part.chars()
            .flat_map(|c| match c {
                '\n' | '\r' => std::iter::repeat_n(c, 1),
                // One blank for every byte: offsets stay what they were.
                c => std::iter::repeat_n(' ', c.len_utf8()),
            })
            .collect::<String>()
    };
    let mut out = blank(&text[..keep.start]);
    out.push_str(&text[keep.clone()]);
    out.push_str(&blank(&text[keep.end..]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_blanked_out_keeps_its_length_and_its_lines() {
        let text = "-- größe\r\nselect 1;\n-- x\n";
        let at = text.find("select").expect("there");
        let kept = only(text, at..at + 9);
        assert_eq!(kept.len(), text.len());
        assert_eq!(&kept[at..at + 9], "select 1;");
        assert_eq!(kept.matches('\n').count(), 3);
        assert!(kept[..at].trim().is_empty());
    }

    #[test]
    fn a_title_does_not_say_the_name_twice() {
        assert_eq!(title("0001", "init"), "0001_init");
        assert_eq!(title("20240101_init", "init"), "20240101_init");
        assert_eq!(title("auth.0001_initial", ""), "auth.0001_initial");
    }
}
