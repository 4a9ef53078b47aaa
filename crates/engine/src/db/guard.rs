//! Limits that every transaction of ours runs under.
//!
//! They are set with SET LOCAL's meaning, never for the session: behind a
//! pooler a session setting would stay on a connection that an application gets
//! next, and at a commit they must be gone in any case.

use std::time::Duration;

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Transaction};

use crate::Result;
use crate::db::error::DbResult;
use crate::db::session::Session;

/// The limits of one transaction. `ZERO` switches a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// How long a statement may wait for one lock, with everybody behind it.
    pub lock_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long the transaction may stay open when we have gone silent: its
    /// locks must not outlive a runner that hangs.
    pub idle_in_transaction: Duration,
    /// How often the server looks, inside a long statement, whether we are still there.
    pub connection_check: Duration,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(1),
            statement_timeout: Duration::ZERO,
            idle_in_transaction: Duration::from_secs(15),
            connection_check: Duration::from_secs(1),
        }
    }
}

impl Guard {
    /// The same with another bound on waiting for a lock.
    #[must_use]
    pub fn lock_timeout(self, lock_timeout: Duration) -> Self {
        Self { lock_timeout, ..self }
    }

    /// The same with another bound on each statement.
    #[must_use]
    pub fn statement_timeout(self, statement_timeout: Duration) -> Self {
        Self { statement_timeout, ..self }
    }

    /// Begins a transaction under these limits.
    ///
    /// # Errors
    /// As [`Guard::apply`].
    pub async fn begin(self, session: &mut Session) -> Result<Transaction<'_>> {
        let guard = self.on(session);
        let transaction = session.client_mut().transaction().await.db()?;
        guard.apply(transaction.client()).await?;
        Ok(transaction)
    }

    /// Leaves out what this server's platform cannot do.
    #[must_use]
    pub fn on(self, session: &Session) -> Self {
        if session.checks_connection() { self } else { Self { connection_check: Duration::ZERO, ..self } }
    }

    /// Sets the limits for the rest of `transaction`; once more changes them.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn apply(&self, transaction: &Client) -> Result<()> {
        let values = [
            millis(self.lock_timeout),
            millis(self.statement_timeout),
            millis(self.idle_in_transaction),
            millis(self.connection_check),
        ];
        let [lock, statement, idle, check] = &values;
        let text = Type::TEXT;
        transaction
            .query_typed_one(
                include_str!("sql/guard.sql"),
                &[(lock, text.clone()), (statement, text.clone()), (idle, text.clone()), (check, text)],
            )
            .await
            .db()?;
        Ok(())
    }
}

/// Postgres reads a bare number as milliseconds and holds it in 31 bits. A limit
/// below a millisecond must not become "no limit".
fn millis(limit: Duration) -> String {
    let whole = limit.as_micros().div_ceil(1000).min(i32::MAX as u128);
    whole.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_never_rounds_to_none() {
        for (limit, text) in [
            (Duration::ZERO, "0"),
            (Duration::from_micros(1), "1"),
            (Duration::from_millis(20), "20"),
            (Duration::from_secs(15), "15000"),
            (Duration::MAX, "2147483647"),
        ] {
            assert_eq!(millis(limit), text);
        }
    }
}
