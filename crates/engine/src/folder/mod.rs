//! A migrations folder, read as it is.
//!
//! Promise: every `.sql` file of the folder is either a migration in the result or named
//! in an error or note; the order is the format's own; a checksum does not change when
//! an editor changes line ends. Refused: two files of one version, names without a
//! version (native), text that is not UTF-8, files of two tools in one folder. Nothing is
//! written here, and no program of the folder is run.

mod checksum;
mod dbmate;
mod dialect;
mod diesel;
mod drizzle;
mod flat;
pub(crate) mod flyway;
mod format;
mod goose;
mod index;
mod listing;
mod marker;
mod migration;
mod placeholders;
mod prisma;
mod refinery;
mod version;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use checksum::Checksum;
use cofferdam_analysis::sql::Dialect;
use cofferdam_analysis::{Error, Result};
pub use format::{Format, OutOfOrder};
use index::Index;
use listing::{Listing, Source};
pub use migration::{Down, ForeignChecksum, Migration, OnlyByTool, file_name, title};
pub use placeholders::Placeholders;
pub use version::{Key, Version};

/// A migrations folder.
#[derive(Debug, Clone)]
pub struct Folder {
    /// As the user named it.
    pub path: PathBuf,
    /// Whose rules it follows.
    pub format: Format,
    /// Looked up through the index, so not to be changed without it.
    migrations: Vec<Migration>,
    index: Arc<Index>,
    /// What was seen and left alone.
    pub notes: Vec<String>,
    /// What its placeholders stand for, where its format has such.
    placeholders: Placeholders,
    source: Source,
    /// What it is written for, where the tool's own books say so.
    pub dialect: Option<Dialect>,
}

/// What a format finds in a folder.
#[derive(Debug, Default)]
struct Contents {
    /// In the format's order.
    migrations: Vec<Migration>,
    notes: Vec<String>,
    dialect: Option<Dialect>,
}

impl Folder {
    /// Reads the folder; without `format` it is told from the files.
    ///
    /// # Errors
    /// `Invalid`, naming the file, for what the module refuses or cannot read.
    pub fn read(path: &Path, format: Option<Format>) -> Result<Folder> {
        Folder::read_with(path, format, &Placeholders::new())
    }

    /// As [`Folder::read`], with values for the placeholders that its files may hold.
    ///
    /// # Errors
    /// As [`Folder::read`], and for a placeholder without a value.
    pub fn read_with(path: &Path, format: Option<Format>, placeholders: &Placeholders) -> Result<Folder> {
        Folder::read_from(Source::Disk, path, format, placeholders)
    }

    /// As [`Folder::read_with`], of a folder that is part of the program and was called
    /// `path` when that was built.
    ///
    /// # Errors
    /// As [`Folder::read_with`].
    pub fn read_embedded(
        folder: &'static include_dir::Dir<'static>,
        path: &Path,
        format: Option<Format>,
        placeholders: &Placeholders,
    ) -> Result<Folder> {
        Folder::read_from(Source::Program(folder), path, format, placeholders)
    }

    fn read_from(
        source: Source,
        path: &Path,
        format: Option<Format>,
        placeholders: &Placeholders,
    ) -> Result<Folder> {
        let listing = Listing::of(path, source)?;
        let format = match format {
            Some(format) => format,
            None => told_from_files(&listing)?,
        };
        let contents = match format {
            Format::Native | Format::Sqlx | Format::GolangMigrate => flat::read(&listing, format)?,
            Format::Prisma => prisma::read(&listing)?,
            Format::Drizzle => drizzle::read(&listing)?,
            Format::Flyway => flyway::read(&listing, placeholders)?,
            Format::Refinery => refinery::read(&listing)?,
            Format::Dbmate => dbmate::read(&listing)?,
            Format::Goose => goose::read(&listing)?,
            Format::Diesel => diesel::read(&listing)?,
            Format::Command => Contents::default(),
        };
        let folder = Folder::of(path.to_owned(), format, contents)?;
        Ok(Folder { placeholders: placeholders.clone(), source, ..folder })
    }

    /// A folder of programs, whose migrations two commands have told.
    ///
    /// # Errors
    /// `Invalid` for two migrations of one version.
    pub fn of_programs(path: PathBuf, migrations: Vec<Migration>, notes: Vec<String>) -> Result<Folder> {
        Folder::of(path, Format::Command, Contents { migrations, notes, dialect: None })
    }

    /// A folder that is yet to be made.
    pub fn empty(path: PathBuf, format: Format) -> Folder {
        Folder {
            path,
            format,
            migrations: Vec::new(),
            index: Arc::default(),
            notes: Vec::new(),
            placeholders: Placeholders::new(),
            source: Source::Disk,
            dialect: None,
        }
    }

    fn of(path: PathBuf, format: Format, contents: Contents) -> Result<Folder> {
        let Contents { migrations, notes, dialect } = contents;
        let index = Arc::new(Index::of(&migrations));
        let folder = Folder { migrations, index, notes, dialect, ..Folder::empty(path, format) };
        folder.refuse_duplicates()?;
        Ok(folder)
    }

    /// Its migrations, in the order in which the format runs them.
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// The same folder read in another format, when its files can be of both: plain `.sql`
    /// files do not show whose they are, the target's history does.
    ///
    /// # Errors
    /// Those of [`Folder::read`].
    pub fn read_again_as(&self, format: Format) -> Result<Option<Folder>> {
        let other = format != self.format && self.format.looks_like(format);
        other
            .then(|| Folder::read_from(self.source, &self.path, Some(format), &self.placeholders))
            .transpose()
    }

    /// The migration of this version, as people and ledgers write it: with or without zeros
    /// in front where those do not count, with or without the name.
    pub fn find(&self, version: &str) -> Option<&Migration> {
        let named = self.index.named(version).and_then(|at| self.migrations.get(at));
        named.or_else(|| self.with_key(self.format.version(version, "")?.key()))
    }

    /// Whether a new migration is to come with a file that takes it back: sqlx's folders hold
    /// pairs or single files, never both.
    pub fn writes_down_files(&self) -> bool {
        self.newest().is_some_and(|newest| match self.format {
            Format::Flyway => newest.down.is_some(),
            _ => newest.path.to_string_lossy().ends_with(".up.sql"),
        })
    }

    /// The migration with the highest version; those that run again have none.
    pub fn newest(&self) -> Option<&Migration> {
        self.migrations.iter().rev().find(|m| !m.version.is_repeatable())
    }

    /// What the folder's own tool does with a file older than the newest applied one.
    pub fn out_of_order(&self) -> OutOfOrder {
        match self.format {
            // From 1.0 on it goes by names and runs what is missing.
            Format::Drizzle if !self.goes_by_stamps() => OutOfOrder::Apply,
            format => format.out_of_order(),
        }
    }

    /// Whether the folder's own tool never runs a migration whose stamp is not after that of
    /// the newest one it ran, wherever it stands in the order.
    pub fn goes_by_stamps(&self) -> bool {
        self.format == Format::Drizzle && !self.migrations.iter().any(drizzle::has_folder)
    }

    /// The migration with this key.
    pub fn with_key(&self, key: &Key) -> Option<&Migration> {
        self.migrations.get(self.position(key)?)
    }

    /// Its place in the order of the folder.
    pub fn position(&self, key: &Key) -> Option<usize> {
        self.index.position(key)
    }

    fn refuse_duplicates(&self) -> Result<()> {
        let mut seen = std::collections::HashMap::new();
        for migration in &self.migrations {
            if let Some(first) = seen.insert(migration.version.key(), migration) {
                return Err(Error::invalid(format!(
                    "{} and {} have the same version",
                    first.file_name(),
                    migration.file_name()
                ))
                .hint("give the newer one the next free number"));
            }
        }
        Ok(())
    }
}

/// The likeliest format, if the files are not of two.
fn told_from_files(listing: &Listing) -> Result<Format> {
    let candidates = Format::candidates(listing);
    let first = candidates.first().copied().unwrap_or(Format::Native);
    // Plain files beside those of a tool are left to the tool's own rules. But Flyway and refinery
    // would pass numbered files over, and those may be the migrations.
    let passes_over = matches!(first, Format::Flyway | Format::Refinery);
    let counts = |other: &&Format| passes_over || **other != Format::Native;
    let rival = candidates.iter().find(|other| counts(other) && !first.looks_like(**other));
    match rival {
        Some(rival) => Err(Error::invalid(format!(
            "{} holds migrations of two tools: {first} and {rival}",
            listing.root.display()
        ))
        .hint(format!(
            "say whose they are: format = \"{first}\" under [migrations] in cofferdam.toml, and move the others out"
        ))),
        None => Ok(first),
    }
}

#[cfg(test)]
mod tests;
