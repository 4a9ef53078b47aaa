//! From a target to a session: which server, with or without TLS, as whom.
//!
//! Promise: the same server, login and encryption that libpq would choose, an
//! answer within the time limit even from a network that swallows packets, and
//! an error that says which server failed at what.
//!
//! Refused: servers older than 14, servers in recovery unless that is allowed,
//! and with several hosts each one that cannot be written to is passed over.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::{Config, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::db::error::{self, Stage};
use crate::db::explain;
use crate::db::options::{ConnectOptions, Negotiation, TlsMode};
use crate::db::passfile::{self, Login};
use crate::db::pooler;
use crate::db::secret::Secret;
use crate::db::session::{Backend, Facts, Session, Unproven};
use crate::db::startup::{Startup, Transport};
use crate::db::url::{DEFAULT_PORT, Endpoint, Host, PostgresTarget, SOCKET_DIRS, SessionAttrs};
use crate::{Error, ErrorKind, Result};

/// The oldest server that anything works on.
const OLDEST: u32 = 140_000;
/// The oldest server that everything is tested on.
const SUPPORTED: u32 = 150_000;

/// Connects, and looks at what answers.
///
/// # Errors
/// `Unreachable` when no server answers, `Invalid` when one answers and refuses
/// us or is unfit (version, recovery), `Blocked` when it has no free connection.
pub async fn connect(target: &PostgresTarget, options: &ConnectOptions) -> Result<Session> {
    let login = Attempt::new(target, options)?;
    let endpoints = candidates(target);
    let mut failures: Vec<Error> = Vec::new();
    for endpoint in &endpoints {
        match login.endpoint(endpoint).await {
            Ok(session) => match unfit(&session, target, options) {
                None => return Ok(session),
                Some(unfit) => {
                    session.close().await;
                    failures.push(unfit.while_(endpoint.label()));
                }
            },
            // A server that answers and refuses ends the search, as in libpq.
            Err(error) if error.kind() == ErrorKind::Unreachable => failures.push(error),
            Err(error) => return Err(error),
        }
    }
    // The last one is the likeliest to be meant: localhost after the socket directories.
    let last = failures.pop().ok_or_else(|| Error::bug("no server was tried"))?;
    Err(failures.iter().fold(last, |error, other| error.detail(other.message())))
}

/// The servers to try: those named, or the local one by socket and then by TCP.
pub(crate) fn candidates(target: &PostgresTarget) -> Vec<Endpoint> {
    if !target.endpoints().is_empty() {
        return target.endpoints().to_vec();
    }
    let port = target.port.unwrap_or(DEFAULT_PORT);
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut found = Vec::new();
    for dir in SOCKET_DIRS.map(Path::new) {
        // /var/run is a link to /run on most systems: one server, tried once.
        let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        if dir.join(format!(".s.PGSQL.{port}")).exists() && !seen.contains(&real) {
            seen.push(real);
            found.push(Endpoint { host: Host::Unix(dir.to_owned()), addr: None, port });
        }
    }
    found.push(Endpoint { host: Host::Tcp("localhost".to_owned()), addr: None, port });
    found
}

/// Why this server will not do.
fn unfit(session: &Session, target: &PostgresTarget, options: &ConnectOptions) -> Option<Error> {
    let writable = !session.is_standby() && !session.is_read_only();
    let wanted = match target.session_attrs {
        // A command that must write needs a primary whatever was said; of several hosts it finds it.
        SessionAttrs::Any | SessionAttrs::PreferStandby => true,
        SessionAttrs::ReadWrite => writable,
        SessionAttrs::ReadOnly => !writable,
        SessionAttrs::Primary => !session.is_standby(),
        SessionAttrs::Standby => session.is_standby(),
    };
    if !wanted {
        return Some(
            Error::invalid("the server is not what target_session_attrs asks for")
                .hint("name the right host, or change target_session_attrs"),
        );
    }
    if session.is_standby() && !options.allow_standby {
        return Some(
            Error::invalid("the server is a replica (in recovery) and cannot be changed")
                .hint("give the primary's address"),
        );
    }
    None
}

struct Attempt<'a> {
    target: &'a PostgresTarget,
    options: &'a ConnectOptions,
    mode: TlsMode,
    user: String,
    timeout: Option<Duration>,
}

impl<'a> Attempt<'a> {
    fn new(target: &'a PostgresTarget, options: &'a ConnectOptions) -> Result<Self> {
        let mode = crate::db::tls::mode(target, options)?;
        if target.negotiation == Negotiation::Direct && mode < TlsMode::Require {
            return Err(Error::invalid(format!(
                "sslnegotiation=direct needs more than sslmode={}",
                mode.as_str()
            ))
            .hint("write sslmode=require or stronger"));
        }
        let user =
            target.user.clone().or_else(|| options.user.clone()).ok_or_else(|| {
                Error::invalid("no user is named").hint("write postgres://USER@HOST/DATABASE")
            })?;
        let timeout = target.connect_timeout.unwrap_or(options.connect_timeout);
        Ok(Self { target, options, mode, user, timeout: (!timeout.is_zero()).then_some(timeout) })
    }

    fn database(&self) -> &str {
        self.target.database.as_deref().unwrap_or(&self.user)
    }

    /// Tries every address of one server.
    async fn endpoint(&self, endpoint: &Endpoint) -> Result<Session> {
        let (password, unused_file) = self.password(endpoint);
        let notes: Vec<String> = self.target.notes().iter().cloned().chain(unused_file.clone()).collect();
        let addresses: Vec<Option<IpAddr>> = match (&endpoint.host, endpoint.addr) {
            (Host::Unix(_), _) => vec![None],
            (Host::Tcp(_), Some(address)) => vec![Some(address)],
            (Host::Tcp(name), None) => {
                self.resolve(name, endpoint).await?.into_iter().map(|found| Some(found.ip())).collect()
            }
        };
        let mut last = Error::unreachable(format!("{} has no address", endpoint.label()));
        for address in addresses {
            match self.address(endpoint, address, password.as_ref(), &notes).await {
                Err(error) if error.kind() == ErrorKind::Unreachable => last = error,
                // A login that fails may fail for the password that was not looked up.
                Err(error) => return Err(unused_file.into_iter().fold(error, Error::detail)),
                Ok(session) => return Ok(session),
            }
        }
        Err(last)
    }

    async fn resolve(&self, name: &str, endpoint: &Endpoint) -> Result<Vec<SocketAddr>> {
        let look_up = tokio::net::lookup_host((name, endpoint.port));
        let found = within(self.timeout, look_up).await.ok_or_else(|| {
            Error::unreachable(format!("the name of {} was not resolved in time", endpoint.label()))
        })?;
        found.map(Iterator::collect).map_err(|error| {
            Error::unreachable(format!("the host of {} is not known", endpoint.label()))
                .hint("check the host name and the network")
                .source(error)
        })
    }

    /// Tries one address in the ways that `sslmode` names, in its order.
    async fn address(
        &self,
        endpoint: &Endpoint,
        address: Option<IpAddr>,
        password: Option<&Secret>,
        notes: &[String],
    ) -> Result<Session> {
        let transports: &[Transport] = match (&endpoint.host, self.mode) {
            (Host::Unix(_), _) | (_, TlsMode::Disable) => &[Transport::Plain],
            (_, TlsMode::Allow) => &[Transport::Plain, Transport::Tls],
            (_, TlsMode::Prefer) => &[Transport::TlsIfOffered, Transport::Plain],
            (_, TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull) => &[Transport::Tls],
        };
        let startup = Startup {
            endpoint,
            address,
            user: &self.user,
            database: self.database(),
            password,
            timeout: self.timeout,
        };
        let mut first: Option<Error> = None;
        for (index, transport) in transports.iter().enumerate() {
            let tls = match transport {
                Transport::Plain => None,
                Transport::TlsIfOffered | Transport::Tls => {
                    Some(crate::db::tls::connector(self.target, self.options, self.mode)?)
                }
            };
            let config = startup.config(self.target, self.options, *transport);
            let session = within(self.timeout, self.login(&config, tls, endpoint, notes)).await;
            let error = match session {
                None => {
                    return Err(Error::unreachable(format!("{} did not answer in time", endpoint.label()))
                        .hint("check the address, the network and the firewall; connect_timeout=SECONDS in the URL waits longer"));
                }
                Some(Ok(session)) => return Ok(session),
                Some(Err(Failure::Ours(error))) => return Err(error),
                Some(Err(Failure::Theirs(error))) => error,
            };
            let again = index + 1 < transports.len() && retries_otherwise(*transport, &error);
            let ours = explain::login(error, endpoint, self.target, password.is_some());
            if !again {
                return Err(match first {
                    Some(first) => ours.detail(format!("before that: {}", first.message())),
                    None => ours,
                });
            }
            first = Some(ours);
        }
        first.map_or_else(|| Err(Error::bug("no transport was tried")), Err)
    }

    async fn login(
        &self,
        config: &Config,
        tls: Option<MakeRustlsConnect>,
        endpoint: &Endpoint,
        notes: &[String],
    ) -> std::result::Result<Session, Failure> {
        let label = endpoint.label();
        let unproven = match tls {
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                Session::start(client, connection, Some(tls), label.clone())
            }
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                Session::start(client, connection, None, label.clone())
            }
        };
        let mut notes = notes.to_vec();
        let facts = facts(&unproven).await?;
        notes.extend(judge_version(facts.version).map_err(|error| Failure::Ours(error.while_(&label)))?);
        if self.target.schema.is_some() && self.target.declares_pooler() {
            notes.push("`schema` in the database URL is ignored behind a pooler: set search_path for the role instead".to_owned());
        }
        let announced = pooler::announced_pid(unproven.client()).await;
        let found = pooler::detect(self.target, &endpoint.host, announced, facts.backend.pid);
        Ok(unproven.with(facts, found, notes))
    }

    /// The URL's, the shell's, the password file's: libpq's order.
    /// Beside it: why the file was not used, if it was not.
    fn password(&self, endpoint: &Endpoint) -> (Option<Secret>, Option<String>) {
        if let Some(password) = self.target.password.clone().or_else(|| self.options.password.clone()) {
            return (Some(password), None);
        }
        let Some(file) = self
            .target
            .passfile
            .clone()
            .or_else(|| self.options.passfile.clone())
            .or_else(|| self.options.in_home(".pgpass"))
        else {
            return (None, None);
        };
        let dir;
        let host = match &endpoint.host {
            Host::Tcp(name) => name.as_str(),
            Host::Unix(path) if SOCKET_DIRS.iter().any(|known| path.as_os_str() == *known) => "localhost",
            Host::Unix(path) => {
                dir = path.to_string_lossy();
                &dir
            }
        };
        let login = Login { host, port: endpoint.port, database: self.database(), user: &self.user };
        match passfile::look_up(&file, login) {
            Ok(found) => (found, None),
            Err(note) => (None, Some(note)),
        }
    }
}

enum Failure {
    Theirs(tokio_postgres::Error),
    Ours(Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Theirs(error)
    }
}

/// `None` when the time is over.
async fn within<F: Future>(limit: Option<Duration>, work: F) -> Option<F::Output> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

/// Whether the other transport may succeed where this one failed.
fn retries_otherwise(transport: Transport, error: &tokio_postgres::Error) -> bool {
    match transport {
        // `allow`: a server that wants TLS says so by refusing the login.
        Transport::Plain => error::is_hba_refusal(error),
        // `prefer`: a handshake that fails, or a server that wants no TLS from here.
        Transport::TlsIfOffered => error::stage(error) == Stage::Tls || error::is_hba_refusal(error),
        Transport::Tls => false,
    }
}

/// Refuses what nothing works on, and notes what is not tested.
fn judge_version(version: u32) -> Result<Option<String>> {
    let major = version / 10_000;
    if version < OLDEST {
        return Err(Error::invalid(format!("the server is too old: Postgres {major}"))
            .hint("Postgres 15 or newer is needed"));
    }
    Ok((version < SUPPORTED).then(|| {
        format!("Postgres {major} gets no more fixes and is served as far as it goes; use 15 or newer")
    }))
}

/// Asks what must be known, in one round trip and without a prepared statement.
async fn facts(unproven: &Unproven) -> std::result::Result<Facts, Failure> {
    let answer = unproven.client().simple_query(include_str!("sql/facts.sql")).await?;
    let row = answer
        .iter()
        .find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .ok_or_else(|| Failure::Ours(not_postgres()))?;
    let text = |name: &str| row.try_get(name).ok().flatten().unwrap_or_default().to_owned();
    let parsed = (|| {
        Some(Facts {
            version: text("version").parse().ok()?,
            build: text("build"),
            standby: text("standby") == "t",
            read_only: text("read_only") == "on",
            database: text("database"),
            role: text("role"),
            backend: Backend { pid: text("pid").parse().ok()?, started: text("started").parse().ok()? },
        })
    })();
    parsed.ok_or_else(|| Failure::Ours(not_postgres()))
}

fn not_postgres() -> Error {
    Error::invalid("the server does not answer as Postgres does").hint("Postgres 15 or newer is needed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused_and_the_last_unsupported_one_is_noted() {
        let error = judge_version(130_021).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Invalid, "the server is too old: Postgres 13")
        );
        assert!(judge_version(140_000).unwrap().unwrap().starts_with("Postgres 14 "));
        assert_eq!(judge_version(150_000).unwrap(), None);
        assert_eq!(judge_version(190_000).unwrap(), None);
    }
}
