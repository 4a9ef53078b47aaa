//! Whose rules a folder follows.

use cofferdam_analysis::{Error, Result};
use serde::{Deserialize, Serialize};

use super::listing::Listing;
use super::version::Version;
use super::{dbmate, diesel, drizzle, flat, flyway, goose, prisma, refinery};

/// Whose rules a folder follows. Its name is what the ledger calls the source of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `<digits>_<name>.sql`, optional `<digits>_<name>.down.sql`.
    Native,
    /// `<int>_<description>.sql`, or `.up.sql` with `.down.sql`.
    Sqlx,
    /// `<time>_<name>/migration.sql`.
    Prisma,
    /// `meta/_journal.json` and `<tag>.sql`; `<time>_<name>/migration.sql` from 1.0 on.
    Drizzle,
    /// `V1__name.sql`, `R__name.sql`, `U1__name.sql`.
    Flyway,
    /// `V1__name.sql`, `U1__name.sql`.
    Refinery,
    /// `<time>_<name>.sql` with `-- migrate:up` and `-- migrate:down`.
    Dbmate,
    /// `<n>_<name>.sql` with `-- +goose Up` and `-- +goose Down`.
    Goose,
    /// `<n>_<name>.up.sql` with `.down.sql`.
    GolangMigrate,
    /// `<time>_<name>/up.sql` with `down.sql`.
    Diesel,
    /// Programs of another tool: two commands tell which there are and what SQL they run.
    Command,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 11] = [
        Format::Native,
        Format::Sqlx,
        Format::Prisma,
        Format::Drizzle,
        Format::Flyway,
        Format::Refinery,
        Format::Dbmate,
        Format::Goose,
        Format::GolangMigrate,
        Format::Diesel,
        Format::Command,
    ];

    /// As cofferdam.toml and the ledger write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Native => "native",
            Format::Sqlx => "sqlx",
            Format::Prisma => "prisma",
            Format::Drizzle => "drizzle",
            Format::Flyway => "flyway",
            Format::Refinery => "refinery",
            Format::Dbmate => "dbmate",
            Format::Goose => "goose",
            Format::GolangMigrate => "golang-migrate",
            Format::Diesel => "diesel",
            Format::Command => "command",
        }
    }

    /// The format of that name.
    ///
    /// # Errors
    /// `Invalid`, listing the names.
    pub fn parse(name: &str) -> Result<Format> {
        Format::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
            Error::invalid(format!("there is no migrations format `{name}`"))
                .hint(format!("formats are: {}", names.join(", ")))
        })
    }

    /// What the folder's own tool does with a file older than the newest applied one.
    pub fn out_of_order(self) -> OutOfOrder {
        match self {
            // Drizzle and golang-migrate leave it out without a word: whoever reads this
            // must decide whether it was meant to run.
            Format::Native
            | Format::Drizzle
            | Format::Flyway
            | Format::Refinery
            | Format::Goose
            | Format::GolangMigrate => OutOfOrder::Refuse,
            Format::Sqlx | Format::Prisma | Format::Dbmate | Format::Diesel | Format::Command => {
                OutOfOrder::Apply
            }
        }
    }

    /// The version of a folder's first migration; `now` is `YYYYMMDDhhmmss` in UTC.
    pub fn first_version(self, now: u128) -> String {
        match self {
            Format::Native => "0001".to_owned(),
            Format::GolangMigrate => "000001".to_owned(),
            Format::Flyway | Format::Refinery => "1".to_owned(),
            Format::Goose => "00001".to_owned(),
            Format::Sqlx
            | Format::Prisma
            | Format::Drizzle
            | Format::Dbmate
            | Format::Diesel
            | Format::Command => now.to_string(),
        }
    }

    /// The files of a new migration, from the folder, with what they begin with.
    ///
    /// # Errors
    /// `Invalid` where only the tool itself can make one.
    pub fn new_files(
        self,
        version: &str,
        name: &str,
        with_down: bool,
    ) -> Result<Vec<(String, &'static str)>> {
        let stem = format!("{version}_{name}");
        Ok(match self {
            Format::Native | Format::Sqlx if !with_down => vec![(format!("{stem}.sql"), "")],
            Format::Native | Format::Sqlx | Format::GolangMigrate => {
                vec![(format!("{stem}.up.sql"), ""), (format!("{stem}.down.sql"), "")]
            }
            Format::Prisma => vec![(format!("{stem}/migration.sql"), "")],
            Format::Diesel => {
                // An up.sql of no bytes is an error to diesel.
                let stem = diesel::folder_name(version, name);
                vec![
                    (format!("{stem}/up.sql"), "-- the way forward\n"),
                    (format!("{stem}/down.sql"), "-- the way back\n"),
                ]
            }
            Format::Flyway if with_down => {
                vec![(format!("V{version}__{name}.sql"), ""), (format!("U{version}__{name}.sql"), "")]
            }
            Format::Flyway | Format::Refinery => vec![(format!("V{version}__{name}.sql"), "")],
            Format::Dbmate => vec![(format!("{stem}.sql"), "-- migrate:up\n\n\n-- migrate:down\n\n")],
            Format::Goose => vec![(format!("{stem}.sql"), "-- +goose Up\n\n\n-- +goose Down\n\n")],
            Format::Drizzle => {
                return Err(Error::invalid("drizzle keeps a snapshot of the schema with every migration, which only drizzle-kit writes")
                    .hint(format!("npx drizzle-kit generate --custom --name {name}")));
            }
            Format::Command => {
                return Err(Error::invalid("the migrations here are programs of another tool")
                    .hint("make the next one with that tool"));
            }
        })
    }

    /// Where the statements that take a migration back stand, for people.
    pub fn down_file(self, title: &str) -> String {
        match self {
            Format::Native | Format::Sqlx | Format::GolangMigrate | Format::Drizzle => {
                format!("{title}.down.sql")
            }
            Format::Prisma => format!("{title}/down.sql"),
            Format::Diesel => format!("down.sql in the folder of {title}"),
            Format::Flyway => format!("U{}.sql, Flyway's undo migration", title.replacen('_', "__", 1)),
            Format::Refinery => format!("V{}.down.sql", title.replacen('_', "__", 1)),
            Format::Dbmate => format!("the part after `-- migrate:down` in {title}.sql"),
            Format::Goose => format!("the part after `-- +goose Down` in {title}.sql"),
            Format::Command => format!("the program of {title}"),
        }
    }

    /// Whether rows of our ledger that came from `source` speak of files of this format.
    /// Programs keep the name of the tool that applied them.
    pub fn owns(self, source: &str) -> bool {
        match self {
            Format::Command => {
                source == self.as_str() || !Format::ALL.iter().any(|format| format.as_str() == source)
            }
            format => source == format.as_str(),
        }
    }

    /// The version of a migration that the ledger calls so; `None` when it is no version of this format.
    ///
    /// `name` matters where the number alone does not tell migrations apart.
    pub fn version(self, text: &str, name: &str) -> Option<Version> {
        match self {
            Format::Native | Format::Sqlx | Format::Goose | Format::GolangMigrate => Version::number(text),
            Format::Refinery => refinery::version(text),
            Format::Flyway => flyway::version(text),
            Format::Prisma | Format::Drizzle => Some(super::version::of_name(text, name)),
            Format::Diesel => Some(diesel::version(text)),
            Format::Dbmate | Format::Command => Some(Version::text(text)),
        }
    }

    /// The formats that a folder's files can be of, the likeliest first. Plain `.sql` files
    /// do not show whose they are: the target's ledger decides among the candidates.
    pub(super) fn candidates(listing: &Listing) -> Vec<Format> {
        let signs: [(Format, Sign); 10] = [
            (Format::Prisma, prisma::owns),
            (Format::Diesel, diesel::owns),
            (Format::Drizzle, drizzle::owns),
            (Format::Dbmate, dbmate::owns),
            (Format::Goose, goose::owns),
            (Format::Flyway, flyway::owns),
            (Format::Refinery, refinery::owns),
            (Format::GolangMigrate, flat::owns_golang_migrate),
            (Format::Sqlx, flat::owns_sqlx),
            (Format::Native, flat::owns_native),
        ];
        signs.into_iter().filter(|(_, owns)| owns(listing)).map(|(format, _)| format).collect()
    }

    /// Whether a folder of one could be of the other, going by its files alone.
    pub(super) fn looks_like(self, other: Format) -> bool {
        let group = |format| match format {
            Format::Native | Format::Sqlx | Format::GolangMigrate => 1,
            Format::Flyway | Format::Refinery => 2,
            Format::Prisma => 3,
            Format::Drizzle => 4,
            Format::Dbmate => 5,
            Format::Goose => 6,
            Format::Diesel => 7,
            Format::Command => 8,
        };
        group(self) == group(other)
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether files are of a format.
type Sign = fn(&Listing) -> bool;

/// What to do with a pending file older than the newest applied one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutOfOrder {
    /// Apply it, with a note.
    Apply,
    /// Refuse to apply anything.
    Refuse,
}
