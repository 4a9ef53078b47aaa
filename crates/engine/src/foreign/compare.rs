//! A tool's history against the folder: what can be imported, and what stands in the way. Pure.

use cofferdam_analysis::{Error, Finding, Result, Severity};

use super::{Entry, Found, Told, Tool, counted_only, is_unadopted, knows, problem, still_wrong};
use crate::folder::{Checksum, Folder, Migration, title};
use crate::ledger::History;

/// What is to be imported.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// In the order in which they ran; what our ledger knows already is left out.
    pub migrations: Vec<Imported>,
    /// What is wrong; one of severity `error` refuses the import.
    pub problems: Vec<Finding>,
}

/// A migration about to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What our ledger calls its origin: the folder's format, or the tool.
    pub source: &'static str,
    /// As the file writes it; as the tool does where there is no file.
    pub version: String,
    /// Its name.
    pub name: String,
    /// Ours, of the file.
    pub checksum: Option<Checksum>,
    /// The tool's.
    pub foreign_checksum: Option<String>,
}

/// Compares `found` with the folder.
pub fn import(found: &Found, folder: &Folder, history: &History) -> Import {
    compare(found, folder, history, found.tool.history(&found.rows, folder))
}

/// What stands in the way of what is not adopted yet. What our ledger counts is left out: it
/// is held against the folder by our own checksums, and may be ahead of an older checkout.
pub(crate) fn unadopted_problems(found: &Found, folder: &Folder, history: &History) -> Vec<Finding> {
    let mut told = found.tool.history(&found.rows, folder);
    let counted = history.counted(folder.format);
    told.entries.retain(|entry| is_unadopted(&counted, folder, found.tool, entry));
    compare(found, folder, history, told).problems
}

fn compare(found: &Found, folder: &Folder, history: &History, told: Told) -> Import {
    let problems = still_wrong(told.problems, folder, history);
    let mut import = Import { migrations: Vec::new(), problems };
    let counted = history.counted(folder.format);
    for entry in told.entries {
        let known = knows(&counted, folder, found.tool, &entry);
        if found.tool.format().is_none() {
            if !known {
                import.migrations.push(of_program(found.tool.name(), entry));
            }
            continue;
        }
        match folder.find(&entry.version) {
            None if found.tool.without_file(&entry, &found.rows) => {
                if !known {
                    import.migrations.push(of_program(folder.format.as_str(), entry));
                }
            }
            None => import.problems.push(missing(found.tool, folder, &entry)),
            Some(migration) if counted_only(&counted, folder, found.tool, &entry) => {
                import.problems.push(passed_over(found.tool, migration));
            }
            Some(migration) => {
                let edited = edited(found, migration, &entry);
                // What runs again when it changed is meant to be edited, and is pending then.
                if edited.is_some() && migration.version.is_repeatable() {
                    if !known {
                        let unlike = of_file(folder, migration, entry);
                        import.migrations.push(Imported { checksum: None, ..unlike });
                    }
                } else if let Some(problem) = edited {
                    import.problems.push(problem);
                } else if !known {
                    import.migrations.push(of_file(folder, migration, entry));
                }
            }
        }
    }
    import
}

fn of_program(source: &'static str, entry: Entry) -> Imported {
    Imported {
        source,
        version: entry.version,
        name: entry.name,
        checksum: None,
        foreign_checksum: entry.checksum,
    }
}

fn of_file(folder: &Folder, migration: &Migration, entry: Entry) -> Imported {
    Imported {
        source: folder.format.as_str(),
        version: migration.version.to_string(),
        name: migration.name.clone(),
        checksum: (!migration.is_program()).then_some(migration.checksum),
        foreign_checksum: entry.checksum,
    }
}

/// What a tool that only knows how far it came has passed over: its file came to the folder
/// after a newer one was applied.
fn passed_over(tool: &dyn Tool, migration: &Migration) -> Finding {
    problem(
        Severity::Warning,
        format!(
            "{} has passed over {}: it is older than what was applied before it came",
            tool.name(),
            migration.file_name()
        ),
        "it counts as pending here; give it the next free version, so that both apply it",
    )
}

fn missing(tool: &dyn Tool, folder: &Folder, entry: &Entry) -> Finding {
    problem(
        Severity::Error,
        format!(
            "{} applied {}, and its file is not in {}",
            tool.name(),
            title(&entry.version, &entry.name),
            folder.path.display()
        ),
        "bring the file back: the folder must be able to build the database again",
    )
}

fn edited(found: &Found, migration: &Migration, entry: &Entry) -> Option<Finding> {
    let (kept, now) = (entry.checksum.as_deref()?, migration.foreign.as_ref()?);
    if now.accepts(kept) {
        return None;
    }
    let (file, tool) = (migration.file_name(), found.tool.name());
    if now.other_line_ends.as_deref() == Some(kept) {
        return Some(problem(
            Severity::Error,
            format!("{file} has other line ends than the file that {tool} applied, and {tool} counts them"),
            "bring them back: with git, `*.sql -text` in .gitattributes and check the file out again \
             (or convert it: dos2unix, unix2dos)",
        ));
    }
    let mut way_out =
        "put the file back as it was (git log shows it), and write the change as a new migration".to_owned();
    if let Some(also) = found.tool.also_when_edited(migration, &found.table) {
        way_out = format!("{way_out}; {also}");
    }
    Some(problem(
        Severity::Error,
        format!("{file} was edited after {tool} applied it: its checksum is not the one in {}", found.table),
        way_out,
    ))
}

impl Import {
    /// # Errors
    /// `Refused` naming the first problem, with the others as its details.
    pub fn refuse_problems(&self) -> Result<()> {
        let mut refusing = self.problems.iter().filter(|problem| problem.severity == Severity::Error);
        let Some(first) = refusing.next() else { return Ok(()) };
        let mut error = Error::refused(first.message.clone());
        if let Some(help) = &first.help {
            error = error.hint(help.clone());
        }
        let others: Vec<String> = refusing.map(|problem| problem.message.clone()).collect();
        Err(if others.is_empty() { error } else { error.detail(others.join("\n")) })
    }
}
