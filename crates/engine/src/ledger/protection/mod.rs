//! Protected databases: what could lose something needs the database's name, typed.
//!
//! Promise: a database that the configuration once called protected stays so, by whatever
//! URL it is reached: every command that writes leaves a mark in its ledger, in one commit
//! with an audit entry. The mark says which database it was set on, so a copy that carries
//! it is known for a copy, and is not protected until it is marked itself.
//!
//! Refused: what [`Protected::demand`] is asked for without `--confirm NAME`, and a
//! confirmation that names another database, whether this one is protected or not: whoever
//! typed it thinks of another one.
//!
//! How a command uses it: hand `Project.protection` a session ([`Protection::on_postgres`],
//! [`Protection::on_sqlite`]), before anything else is decided; `demand` where rows, history
//! or a safeguard could go; then leave the mark under the lease with the runner's `protect`,
//! or in a transaction of its own with `mark_on_postgres` and `mark_on_sqlite`. Readers only
//! show [`Protected::told`].
//!
//! Crash: the mark and its audit entry are in one transaction, there or not.

mod place;
mod postgres;
mod sqlite;

use cofferdam_analysis::{Error, Result};
use serde::{Deserialize, Serialize};

pub(crate) use place::Place;

/// What is known of protection before the database is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Protection {
    /// What says that this database is protected: `[env.production] in cofferdam.toml`.
    pub configured: Option<String>,
    /// Protected environments of which nobody can tell here whether they are this database,
    /// and why: one sentence each.
    pub unknown: Vec<String>,
    /// The name of the database that is meant, typed as a confirmation.
    pub confirm: Option<String>,
    /// The command as it was typed, without a confirmation and without secrets, to be
    /// shown with one.
    pub again: Option<String>,
}

/// The key of the mark in the ledger's `meta`.
const KEY: &str = "protected";

/// The mark: on which database it was set, and where the audit tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    #[serde(flatten)]
    place: Place,
    audit: i64,
}

impl Mark {
    fn read(text: &str) -> Result<Mark> {
        serde_json::from_str(text)
            .map_err(|_| super::damaged("a mark of protection that makes no sense".to_owned()))
    }
}

/// Whether a database is protected, and why.
#[derive(Debug, Clone)]
pub struct Protected {
    asked: Protection,
    /// `None` for a database in memory, and where nobody needed to know.
    place: Option<Place>,
    name: String,
    /// Who answers: `db.example:5432`, or a path.
    at: String,
    mark: Option<Mark>,
}

/// The same, for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Whether it is.
    pub protected: bool,
    /// The name that a confirmation must give.
    pub database: String,
    /// What in the configuration says so.
    pub configured: Option<String>,
    /// The mark in the ledger that says so.
    pub marked: Option<Marked>,
    /// The database that the mark was set on, where it is another one: this is a copy.
    pub copy_of: Option<String>,
    /// Protected environments that may be this database.
    pub unknown: Vec<String>,
}

/// Where a mark comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Marked {
    /// The audit entry that was written with it.
    pub audit: i64,
}

impl Protected {
    /// # Errors
    /// `Refused` when the confirmation names another database.
    fn new(
        asked: &Protection,
        place: Option<Place>,
        name: String,
        at: String,
        mark: Option<Mark>,
    ) -> Result<Self> {
        match &asked.confirm {
            Some(given) if *given != name => {
                Err(Error::refused(format!("--confirm names {given}, and this database is {name}"))
                    .hint("look whether the URL leads to the database that you mean; nothing was done")
                    .detail(format!("{name} is at {at}")))
            }
            Some(_) | None => Ok(Self { asked: asked.clone(), place, name, at, mark }),
        }
    }

    /// The name that a confirmation must give.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the configuration or the mark says so.
    pub fn is_protected(&self) -> bool {
        self.asked.configured.is_some() || self.mark_in_force().is_some()
    }

    /// Whether [`demand`](Self::demand) would refuse.
    pub fn needs_confirmation(&self) -> bool {
        self.is_protected() && self.asked.confirm.is_none()
    }

    /// What could lose something asks here, and goes on only if the database is not
    /// protected or was named. `act` reads after "cannot", before the database: `roll back`,
    /// `apply 0007_drop.sql to`; `because` says what makes it dangerous, the first in the
    /// message.
    ///
    /// # Errors
    /// `Refused`, with the command that confirms.
    pub fn demand(&self, act: &str, because: &[String]) -> Result<()> {
        if !self.needs_confirmation() {
            return Ok(());
        }
        let (first, more) = match because.split_first() {
            Some((first, more)) => (format!(": {first}"), more),
            None => (String::new(), because),
        };
        let name = &self.name;
        let error = Error::refused(format!("cannot {act} the protected database {name}{first}"))
            .hint(format!("if {name} is the database that you mean: {}", self.confirmed_command()));
        let error = more.iter().fold(error, |error, more| error.detail(more));
        let error = error.detail(format!("{name} is at {}", self.at));
        Err(self.why().into_iter().fold(error, Error::detail))
    }

    /// The command with its confirmation.
    pub fn confirmed_command(&self) -> String {
        let confirm = format!("--confirm {}", quoted(&self.name));
        match &self.asked.again {
            Some(again) => format!("{again} {confirm}"),
            None => confirm,
        }
    }

    /// What makes it protected, one sentence each.
    fn why(&self) -> Vec<String> {
        let configured =
            self.asked.configured.as_ref().map(|place| format!("protected because {place} says so"));
        let marked = self.mark_in_force().map(|mark| {
            let entry = mark.audit;
            match &self.asked.configured {
                Some(_) => format!("its ledger has the mark too (audit entry {entry})"),
                None => format!(
                    "protected because its ledger has the mark (audit entry {entry}); `cofferdam uninstall --protection` takes it off"
                ),
            }
        });
        configured.into_iter().chain(marked).collect()
    }

    /// For a report.
    pub fn told(&self) -> Told {
        let in_force = self.mark_in_force();
        let of_other = self.mark.as_ref().filter(|_| in_force.is_none());
        Told {
            protected: self.is_protected(),
            database: self.name.clone(),
            configured: self.asked.configured.clone(),
            marked: in_force.map(|mark| Marked { audit: mark.audit }),
            copy_of: of_other.map(|mark| mark.place.name()),
            unknown: self.asked.unknown.clone(),
        }
    }

    /// Whether a command that writes has a mark to leave.
    pub fn is_to_be_marked(&self) -> bool {
        self.asked.configured.is_some() && self.place.is_some() && self.mark_in_force().is_none()
    }

    /// What is said of an attempt to leave the mark.
    pub fn told_of_marking(&self, result: Result<()>) -> String {
        let name = &self.name;
        match result {
            Ok(()) => format!("{name} is marked as protected from now on"),
            Err(error) => format!("{name} could not be marked as protected: {}", error.message()),
        }
    }

    /// Whether the ledger has a mark, of this database or of the one that it is a copy of.
    pub fn has_mark(&self) -> bool {
        self.mark.is_some()
    }

    /// # Errors
    /// `Invalid` where the configuration would mark it again, `Refused` without a confirmation.
    pub fn may_be_taken_off(&self) -> Result<()> {
        if let Some(place) = &self.asked.configured {
            let name = &self.name;
            return Err(Error::invalid(format!(
                "cannot take the protection off {name}: {place} says that it is protected"
            ))
            .hint("take `protected = true` out there first: the next command would set the mark again"));
        }
        self.demand("take the protection off", &[])
    }

    fn mark_in_force(&self) -> Option<&Mark> {
        let place = self.place.as_ref()?;
        self.mark.as_ref().filter(|mark| mark.place.is_of(place))
    }

    /// What the audit says of a mark that is set.
    fn setting(&self, place: &Place) -> String {
        let before = self.mark.as_ref().map(|mark| &mark.place);
        serde_json::json!({"database": place, "because": self.asked.configured, "before": before}).to_string()
    }

    /// What the audit says of a mark that is taken off.
    fn taking_off(&self) -> String {
        let was = self.mark.as_ref().map(|mark| &mark.place);
        serde_json::json!({"database": self.place, "was": was}).to_string()
    }
}

/// A name as a shell takes it for one word.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.+:@%/".contains(c);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests;
