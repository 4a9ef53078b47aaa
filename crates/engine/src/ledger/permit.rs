//! What lets a run past the guard against accidents.
//!
//! Promise: only the run that holds the lease gets past, in the very backend that asked, and
//! only while its heart beats. The session carries 256 random bits in a setting; their hash
//! stands in a table that only the migrating role writes. Where no guard stands this is one
//! look at the catalog, and only in runs that have something to do.
//!
//! Crash: a permit dies with its lease. Its row names the lease's fence and the backend, so
//! what a killed run leaves there opens nothing; the next run takes the row away.

use cofferdam_analysis::{Error, Result};
use sha2::Digest as _;
use tokio_postgres::Client;

use super::{Lease, lease_lasts};
use crate::db::{DbResult, Secret, random_secret};

/// How long past the lease's expiry a permit still holds: a server at its limits renews late.
const GRACE: u32 = 4;

/// The right of one run to drop and truncate.
#[derive(Debug)]
pub(crate) struct Permit {
    secret: Secret,
    /// The role that owns the tables, where that is how they are guarded.
    owner: Option<String>,
}

impl Permit {
    /// Issues the permit of the run that holds `lease`, where a guard stands. A transaction of its own.
    pub(crate) async fn issue(client: &Client, lease: Lease) -> Result<Option<Permit>> {
        let row = client.query_one(include_str!("sql/guard_there.sql"), &[]).await.db()?;
        if !row.get::<_, bool>(0) {
            return Ok(None);
        }
        if !row.get::<_, bool>(1) {
            let owner: &str = row.get(2);
            return Err(Error::invalid("the guard stands, and this role may not write its permits").hint(
                format!(
                    "migrate as the role that owns the ledger, or as {owner}; cofferdam guard install, \
                     run as {owner}, lets the ledger's owner through"
                ),
            ));
        }
        let secret = random_secret()?;
        let hash = sha2::Sha256::digest(secret.expose().as_bytes()).to_vec();
        let grace = (lease_lasts() * GRACE).as_secs_f64();
        let row = client
            .query_one(include_str!("sql/permit_issue.sql"), &[&hash, &lease.fence, &grace])
            .await
            .db()?;
        Ok(Some(Permit { secret, owner: row.get(0) }))
    }

    /// For the rest of the open transaction.
    pub(crate) async fn carry(&self, transaction: &Client) -> Result<()> {
        self.set(transaction, true).await
    }

    /// For the session, until [`Permit::put_down`]: where a statement forbids transactions.
    pub(crate) async fn carry_outside(&self, client: &Client) -> Result<()> {
        self.set(client, false).await
    }

    /// Takes it out of the session.
    pub(crate) async fn put_down(&self, client: &Client) -> Result<()> {
        let role = if self.owner.is_some() { "; reset role" } else { "" };
        client.batch_execute(&format!("reset cofferdam_guard.permit{role}")).await.db()
    }

    /// The role that DDL runs as, so that what it makes belongs to the right one.
    pub(crate) fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    async fn set(&self, client: &Client, local: bool) -> Result<()> {
        let sql = "select set_config('cofferdam_guard.permit', $1, $2)";
        client.query(sql, &[&self.secret.expose(), &local]).await.db()?;
        Ok(())
    }

    /// Takes the run's row away.
    pub(crate) async fn revoke(client: &Client, lease: Lease) -> Result<()> {
        client.execute("delete from cofferdam_guard.permit where fence <= $1", &[&lease.fence]).await.db()?;
        Ok(())
    }
}
