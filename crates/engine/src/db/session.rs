//! One connection to Postgres, with what is known about it.
//!
//! A session owns the task that drives its connection. When the session is
//! dropped the server is told good-bye and rolls back what was open; when the
//! process is killed the server notices by itself (see [`Guard`](crate::db::Guard)).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Connection, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::db::error::{self, DbResult, SqlFailure};
use crate::db::pooler::Pooler;
use crate::{Error, Result};

/// A connection to a Postgres database. Dereferences to the client.
pub struct Session {
    client: Client,
    tls: Option<MakeRustlsConnect>,
    driver: JoinHandle<()>,
    heard: Arc<Heard>,
    facts: Facts,
    label: String,
    pooler: Option<Pooler>,
    notes: Vec<String>,
}

/// What the server said about itself at the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) version: u32,
    pub(crate) build: String,
    pub(crate) standby: bool,
    pub(crate) read_only: bool,
    pub(crate) database: String,
    pub(crate) role: String,
    pub(crate) backend: Backend,
}

/// One life of a server process. A pid alone is used again by the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Backend {
    /// The process id in the server.
    pub pid: i32,
    /// `backend_start` in microseconds since 1970, by the server's clock.
    pub started: i64,
}

/// What became of a backend that was to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminated {
    /// It was told to end; it may take a moment.
    Told,
    /// It is gone, or its pid belongs to another by now.
    Gone,
}

/// A message that the server sent beside its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `WARNING`, `NOTICE`, `INFO` ... as the server's language has it.
    pub severity: String,
    /// The message.
    pub message: String,
    /// DETAIL. May hold row values.
    pub detail: Option<String>,
    /// HINT.
    pub hint: Option<String>,
    /// Five characters.
    pub sqlstate: String,
}

/// Notices since they were last taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notices {
    /// The latest, oldest first.
    pub list: Vec<Notice>,
    /// How many older ones were let go.
    pub dropped: u64,
}

/// A migration may raise a notice for each row; this many are kept.
const NOTICES_KEPT: usize = 1000;

#[derive(Default)]
struct Heard {
    notices: Mutex<(VecDeque<Notice>, u64)>,
    /// Why the connection ended, if it ended by itself.
    lost: OnceLock<tokio_postgres::Error>,
}

impl Session {
    /// Starts the task that drives `connection`.
    pub(crate) fn start<S, T>(
        client: Client,
        connection: Connection<S, T>,
        tls: Option<MakeRustlsConnect>,
        label: String,
    ) -> Unproven
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let heard = Arc::new(Heard::default());
        let driver = tokio::spawn(drive(connection, Arc::clone(&heard)));
        Unproven { client, tls, driver, heard, label }
    }

    /// The client, for calls that take one.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The client, to begin a transaction without a [`Guard`](crate::db::Guard).
    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// This session's process in the server. Behind a transaction pooler only
    /// true of the transaction that asked.
    pub fn backend(&self) -> Backend {
        self.facts.backend
    }

    /// Postgres' number of its version: 15.4 is 150004.
    pub fn server_version_num(&self) -> u32 {
        self.facts.version
    }

    /// The major version: 15.
    pub fn major(&self) -> u32 {
        self.facts.version / 10_000
    }

    /// Whether the server is in recovery, which only
    /// [`allow_standby`](crate::db::ConnectOptions::allow_standby) lets through.
    pub fn is_standby(&self) -> bool {
        self.facts.standby
    }

    /// Whether transactions are read-only by default here.
    pub fn is_read_only(&self) -> bool {
        self.facts.read_only
    }

    /// The database's name, by the server.
    pub fn database(&self) -> &str {
        &self.facts.database
    }

    /// The role whose rights count, by the server.
    pub fn role(&self) -> &str {
        &self.facts.role
    }

    /// `host:port` of the server that answered.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The pooler that stands between, if one showed itself.
    pub fn pooler(&self) -> Option<&Pooler> {
        self.pooler.as_ref()
    }

    /// What a user should know about this connection, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether the server's platform can look for a client that has gone away.
    pub(crate) fn checks_connection(&self) -> bool {
        let build = self.facts.build.to_ascii_lowercase();
        !build.contains("visual c++") && !build.contains("mingw")
    }

    /// The number that names this cluster and its replicas; `None` where the
    /// role may not know it, or the server has none.
    ///
    /// # Errors
    /// Those of the connection. Inside a transaction a missing right would abort it, so call it outside.
    pub async fn system_identifier(&self) -> Result<Option<i64>> {
        match self.client.query_typed_one(include_str!("sql/system_identifier.sql"), &[]).await {
            Ok(row) => Ok(Some(row.try_get(0).db()?)),
            // No right, or a server that speaks the protocol and has no such function.
            Err(error) if error.code().is_some_and(|c| matches!(c.code(), "42501" | "42883" | "0A000")) => {
                Ok(None)
            }
            Err(error) => Err(self.error(error)),
        }
    }

    /// Notices and warnings since the last call.
    pub fn take_notices(&self) -> Notices {
        // A panic elsewhere cannot leave the list half changed: it is only pushed and taken.
        let mut kept = self.heard.notices.lock().unwrap_or_else(PoisonError::into_inner);
        let (list, dropped) = std::mem::take(&mut *kept);
        Notices { list: list.into(), dropped }
    }

    /// Cancels what this session is doing; can be kept and sent elsewhere while the session works.
    pub fn canceller(&self) -> Canceller {
        Canceller { token: self.client.cancel_token(), tls: self.tls.clone() }
    }

    /// Asks the server to cancel the running statement. It may have ended by then.
    ///
    /// # Errors
    /// `Unreachable` when the request could not be sent.
    pub async fn cancel(&self) -> Result<()> {
        self.canceller().cancel().await
    }

    /// Whether that very backend still lives. One that this role may not see
    /// well counts as alive: a wrong "gone" would let two runners work at once.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn is_alive(&self, backend: Backend) -> Result<bool> {
        let rows = self
            .client
            .query_typed(include_str!("sql/alive.sql"), &[(&backend.pid, Type::INT4)])
            .await
            .map_err(|error| self.error(error))?;
        match rows.first() {
            None => Ok(false),
            Some(row) => {
                let started: Option<i64> = row.try_get(0).db()?;
                Ok(started.is_none_or(|started| started == backend.started))
            }
        }
    }

    /// Ends a backend, if pid *and* start time are still its own.
    ///
    /// # Errors
    /// `Invalid` without the right to (`pg_signal_backend`, or the same role); those of the connection.
    pub async fn terminate(&self, backend: Backend) -> Result<Terminated> {
        let rows = self
            .client
            .query_typed(
                include_str!("sql/terminate.sql"),
                &[(&backend.pid, Type::INT4), (&backend.started, Type::INT8)],
            )
            .await
            .map_err(|error| self.error(error))?;
        match rows.first() {
            Some(row) if row.try_get::<_, bool>(0).db()? => Ok(Terminated::Told),
            // It ended between the look and the signal.
            Some(_) => Ok(Terminated::Gone),
            None if self.is_alive(backend).await? => Err(Error::invalid(format!(
                "process {} of the server belongs to another role and cannot be ended",
                backend.pid
            ))
            .hint(format!(
                "grant pg_signal_backend, pg_read_all_stats to {}; or end it by hand",
                crate::db::Ident::new(self.role())?
            ))),
            None => Ok(Terminated::Gone),
        }
    }

    /// Ours from the client's, with the reason why the connection ended if it did.
    pub fn error(&self, error: tokio_postgres::Error) -> Error {
        if error.is_closed()
            && let Some(lost) = self.heard.lost.get()
        {
            let mut ours = match SqlFailure::from_postgres(lost, "") {
                Some(failure) => failure.into_error(),
                None => {
                    let why = error::io_reason(lost).unwrap_or_else(|| "closed".to_owned());
                    Error::unreachable(why)
                }
            };
            ours = ours.while_(format!("the connection to {} was lost", self.label)).source(error);
            return ours.hint("run the same command again when the server is back");
        }
        error::postgres(error)
    }

    /// Says good-bye and waits until it is said, so that the server's side is
    /// gone as soon as it can be.
    pub async fn close(self) {
        let Self { client, driver, .. } = self;
        drop(client);
        // The task cannot be cancelled by others, and a panic in it has been printed already.
        let _ = driver.await;
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("label", &self.label)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// A connection whose login succeeded, about which nothing is known yet.
pub(crate) struct Unproven {
    client: Client,
    tls: Option<MakeRustlsConnect>,
    driver: JoinHandle<()>,
    heard: Arc<Heard>,
    label: String,
}

impl Unproven {
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn with(self, facts: Facts, pooler: Option<Pooler>, notes: Vec<String>) -> Session {
        let Self { client, tls, driver, heard, label } = self;
        Session { client, tls, driver, heard, facts, label, pooler, notes }
    }
}

/// Cancels what a session is doing, from anywhere.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    tls: Option<MakeRustlsConnect>,
}

impl Canceller {
    /// As [`Session::cancel`].
    ///
    /// # Errors
    /// `Unreachable` when the request could not be sent.
    pub async fn cancel(&self) -> Result<()> {
        match &self.tls {
            Some(tls) => self.token.cancel_query(tls.clone()).await,
            None => self.token.cancel_query(NoTls).await,
        }
        .map_err(|error| error::connection(error).while_("the request to cancel was not sent"))
    }
}

async fn drive<S, T>(mut connection: Connection<S, T>, heard: Arc<Heard>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                let mut kept = heard.notices.lock().unwrap_or_else(PoisonError::into_inner);
                let (list, dropped) = &mut *kept;
                if list.len() == NOTICES_KEPT {
                    list.pop_front();
                    *dropped += 1;
                }
                list.push_back(Notice {
                    severity: notice.severity().to_owned(),
                    message: notice.message().to_owned(),
                    detail: notice.detail().map(str::to_owned),
                    hint: notice.hint().map(str::to_owned),
                    sqlstate: notice.code().code().to_owned(),
                });
            }
            Ok(_) => {}
            Err(error) => {
                // Before the connection is dropped: whoever waits for an answer
                // is woken by that, and looks here for the reason.
                let _ = heard.lost.set(error);
                return;
            }
        }
    }
}
