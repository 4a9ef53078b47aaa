//! Protection of a SQLite database.

use cofferdam_analysis::Result;
use rusqlite::Connection;

use super::{KEY, Mark, Place, Protected, Protection};
use crate::crash::{self, CrashPoint};
use crate::db::SqliteTarget;
use crate::ledger::sqlite as rows;

impl Protection {
    /// Whether the database of `db`, opened by `target`, is protected.
    ///
    /// # Errors
    /// `Refused` when the confirmation names another database.
    pub fn on_sqlite(&self, db: &Connection, target: &SqliteTarget, has_ledger: bool) -> Result<Protected> {
        let mark = if has_ledger { mark(db)? } else { None };
        self.of_file(target, mark)
    }

    /// Whether a database that is yet to be made is protected.
    ///
    /// # Errors
    /// `Refused` when the confirmation names another database.
    pub fn on_new_file(&self, target: &SqliteTarget) -> Result<Protected> {
        self.of_file(target, None)
    }

    fn of_file(&self, target: &SqliteTarget, mark: Option<Mark>) -> Result<Protected> {
        let place = Place::of_file(target);
        let name = place.as_ref().map_or_else(|| ":memory:".to_owned(), Place::name);
        let at = target.real_path().map_or_else(|| name.clone(), |path| path.display().to_string());
        Protected::new(self, place, name, at, mark)
    }
}

impl Protected {
    /// Leaves the mark, if the configuration asks for one, in the caller's transaction.
    ///
    /// # Errors
    /// Those of the file.
    pub fn mark_on_sqlite(&self, db: &Connection, actor: &str) -> Result<()> {
        let Some(place) = self.place.as_ref().filter(|_| self.is_to_be_marked()) else { return Ok(()) };
        // Somebody may have been faster until the lease was ours.
        if mark(db)?.is_some_and(|mark| mark.place.is_of(place)) {
            return Ok(());
        }
        let audit = rows::audit(db, actor, "protect", &self.setting(place))?;
        let mark = Mark { place: place.clone(), audit };
        rows::set_meta(db, KEY, &serde_json::json!(mark).to_string())?;
        crash::hit(CrashPoint::MarkWritten);
        Ok(())
    }

    /// Takes the mark off, in the caller's transaction.
    ///
    /// # Errors
    /// Those of the file.
    pub fn unmark_on_sqlite(&self, db: &Connection, actor: &str) -> Result<()> {
        rows::remove_meta(db, KEY)?;
        rows::audit(db, actor, "unprotect", &self.taking_off())?;
        crash::hit(CrashPoint::MarkWritten);
        Ok(())
    }
}

fn mark(db: &Connection) -> Result<Option<Mark>> {
    rows::meta(db, KEY)?.as_deref().map(Mark::read).transpose()
}
