//! From the decision to its effect, the same for both databases.

use cofferdam_analysis::catalog::Catalog;
use cofferdam_analysis::sql::{Dialect, Script};
use cofferdam_analysis::{Error, Result, plan};

use super::file::{self, Unnamed};
use super::plan::Way;
use super::{Baseline, BaselineReport, NAME, Options, Outcome, postgres, sqlite};
use crate::db::Target;
use crate::folder::{Checksum, Folder, Format};
use crate::ledger::{Kind, NewMigration, Protected};
use crate::replay::Source;
use crate::{Project, Watch};

/// Takes the database over.
///
/// # Errors
/// `Refused` where it is managed already or the folder is somebody else's, `Invalid` for an
/// empty database and a missing prerequisite, `Conflict` for a failed proof.
pub async fn run(project: &Project, options: &Options, watch: &mut dyn Watch) -> Result<BaselineReport> {
    match &project.target {
        Target::Postgres(target) => postgres::run(project, target, options, watch).await,
        // SQLite blocks, and nothing else runs on this task.
        Target::Sqlite(target) => sqlite::run(project, target, options, watch),
    }
}

/// A file that was written or found, to be proved and counted.
pub(super) struct Candidate {
    pub(super) version: String,
    pub(super) name: String,
    /// Where it stands or will stand.
    pub(super) path: std::path::PathBuf,
    pub(super) checksum: Checksum,
    pub(super) source: Source,
    /// The text, when it is still to be written.
    text: Option<String>,
    format: &'static str,
}

impl Candidate {
    /// What a way of [`plan`](super::plan) means; `text` is what a new file holds.
    pub(super) fn new(way: &Way<'_>, folder: &Folder, dialect: Dialect, text: String) -> Result<Self> {
        let format = folder.format.as_str();
        match way {
            Way::Count(migration) | Way::Already(migration) => {
                file::clear(&migration.path);
                Ok(Self {
                    version: migration.version.to_string(),
                    name: migration.name.clone(),
                    path: migration.path.clone(),
                    checksum: migration.checksum,
                    source: Source::of(migration, dialect),
                    text: None,
                    format,
                })
            }
            Way::Write { version, file, template } => {
                let path = folder.path.join(file);
                let text = within(template, &text, folder.format);
                let script = Script::parse(dialect, &path.display().to_string(), &text);
                // What migrate would not take must not be written.
                plan::file(&script, version, false)
                    .map_err(|error| Error::bug(format!("the file would not run: {error}")))?;
                Ok(Self {
                    version: version.clone(),
                    name: NAME.to_owned(),
                    path,
                    checksum: Checksum::of_text(&text),
                    source: Source { version: version.clone(), script, no_transaction: false },
                    text: Some(text),
                    format,
                })
            }
        }
    }

    /// Writes a new file under a temporary name; one that was found stands already.
    pub(super) fn write(&self) -> Result<Option<Unnamed>> {
        self.text.as_ref().map(|text| file::write(&self.path, text)).transpose()
    }

    /// Its row.
    pub(super) fn row(&self) -> NewMigration<'_> {
        NewMigration {
            source: self.format,
            version: &self.version,
            name: &self.name,
            kind: Kind::Baseline,
            checksum: Some(self.checksum),
            foreign_checksum: None,
            duration_ms: None,
            run_id: None,
        }
    }

    pub(super) fn report(&self, objects: usize, found: Findings) -> BaselineReport {
        BaselineReport {
            baseline: Baseline {
                version: self.version.clone(),
                name: self.name.clone(),
                file: self.path.display().to_string(),
                objects,
            },
            outcome: match (&self.text, found.already) {
                (_, true) => Outcome::Already,
                (Some(_), false) => Outcome::Written,
                (None, false) => Outcome::Counted,
            },
            excluded: found.excluded,
            roles: found.roles,
            notes: found.notes,
        }
    }
}

/// The file of a format whose files have marked parts: the text is the part that is applied.
fn within(template: &str, text: &str, format: Format) -> String {
    let mut markers = template.lines().filter(|line| !line.is_empty());
    let Some(up) = markers.next() else { return text.to_owned() };
    let down = markers.next().unwrap_or_default();
    match format {
        // Goose cuts at semicolons, also at those of function bodies, unless it is told not to.
        Format::Goose => {
            format!("{up}\n-- +goose StatementBegin\n{text}-- +goose StatementEnd\n\n{down}\n")
        }
        _ => format!("{up}\n\n{text}\n{down}\n"),
    }
}

/// What is counted, and what goes into the ledger with it.
pub(super) struct Counted<'a> {
    pub(super) candidate: &'a Candidate,
    /// The file, when it has only a temporary name yet.
    pub(super) unnamed: Option<&'a Unnamed>,
    /// The schema that was compared.
    pub(super) live: &'a Catalog,
    /// Leaves its mark, if the configuration asks for one.
    pub(super) protected: &'a Protected,
}

/// What is said beside the migration.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) already: bool,
    pub(super) excluded: Vec<String>,
    pub(super) roles: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// The schema is not what was compared.
pub(super) fn changed() -> Error {
    Error::blocked("somebody changed the schema while it was compared; nothing was written")
        .hint("run the same command again")
}
