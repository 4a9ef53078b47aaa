//! Protection of a Postgres database.

use cofferdam_analysis::{Error, Result};
use tokio_postgres::Client;

use super::{KEY, Mark, Place, Protected, Protection};
use crate::crash::{self, CrashPoint};
use crate::db::{DbResult, Session};
use crate::ledger::postgres as rows;

impl Protection {
    /// Whether the database of `session` is protected. Call it outside of a transaction: a
    /// right that is missing would abort it.
    ///
    /// # Errors
    /// `Refused` when the confirmation names another database; those of the connection.
    pub async fn on_postgres(&self, session: &Session, has_ledger: bool) -> Result<Protected> {
        let mark = if has_ledger { mark(session).await? } else { None };
        let name = session.database().to_owned();
        // Most databases are not protected, and every start of a container comes by here.
        let place = match (&self.configured, &mark) {
            (None, None) => None,
            (Some(_), _) | (_, Some(_)) => Some(place(session).await?),
        };
        Protected::new(self, place, name, session.label().to_owned(), mark)
    }
}

impl Protected {
    /// Leaves the mark, if the configuration asks for one, in the caller's transaction.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn mark_on_postgres(&self, client: &Client, actor: &str) -> Result<()> {
        let Some(place) = self.place.as_ref().filter(|_| self.is_to_be_marked()) else { return Ok(()) };
        // Somebody may have been faster until the lease was ours.
        if mark(client).await?.is_some_and(|mark| mark.place.is_of(place)) {
            return Ok(());
        }
        let audit = rows::audit(client, actor, "protect", &self.setting(place)).await?;
        let mark = Mark { place: place.clone(), audit };
        rows::set_meta(client, KEY, &serde_json::json!(mark).to_string()).await?;
        crash::hit(CrashPoint::MarkWritten);
        Ok(())
    }

    /// Whoever has nothing pending sets the mark without the lease. So what drops the ledger
    /// asks once more, in its transaction, when nobody can write the ledger any more.
    ///
    /// # Errors
    /// `Blocked` when the mark changed since `self` was read, and the database was not named.
    pub async fn still_holds_on_postgres(&self, client: &Client) -> Result<()> {
        if self.asked.confirm.is_some() || mark(client).await? == self.mark {
            return Ok(());
        }
        let name = &self.name;
        Err(Error::blocked(format!("somebody changed the mark of protection of {name} at this moment"))
            .hint("nothing was dropped; run this again, it reads the mark anew"))
    }

    /// Takes the mark off, in the caller's transaction.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn unmark_on_postgres(&self, client: &Client, actor: &str) -> Result<()> {
        rows::remove_meta(client, KEY).await?;
        rows::audit(client, actor, "unprotect", &self.taking_off()).await?;
        crash::hit(CrashPoint::MarkWritten);
        Ok(())
    }
}

async fn mark(client: &Client) -> Result<Option<Mark>> {
    rows::meta(client, KEY).await?.as_deref().map(Mark::read).transpose()
}

async fn place(session: &Session) -> Result<Place> {
    let oid = session.query_one(include_str!("../sql/postgres_database_oid.sql"), &[]).await.db()?.get(0);
    let system = session.system_identifier().await?.map(|number| number.to_string());
    Ok(Place::Postgres { database: session.database().to_owned(), oid, system })
}
