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

use tokio_postgres::config::{ChannelBinding as Binding, SslMode, SslNegotiation};
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::db::error::{self, Stage};
use crate::db::options::{ChannelBinding, ConnectOptions, Negotiation, TlsMode};
use crate::db::passfile::{self, Login};
use crate::db::pooler;
use crate::db::secret::Secret;
use crate::db::session::{Backend, Facts, Session, Unproven};
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
fn candidates(target: &PostgresTarget) -> Vec<Endpoint> {
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
        return Some(Error::invalid("the server is not what target_session_attrs asks for")
            .hint("name the right host, or change target_session_attrs"));
    }
    if session.is_standby() && !options.allow_standby {
        return Some(Error::invalid("the server is a replica (in recovery) and cannot be changed")
            .hint("give the primary's address"));
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

/// One try on one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Plain,
    /// With TLS if the server has it; what is sent plain otherwise is decided by the server's answer alone.
    TlsIfOffered,
    Tls,
}

impl<'a> Attempt<'a> {
    fn new(target: &'a PostgresTarget, options: &'a ConnectOptions) -> Result<Self> {
        let mode = crate::db::tls::mode(target, options)?;
        if target.negotiation == Negotiation::Direct && mode < TlsMode::Require {
            return Err(Error::invalid(format!("sslnegotiation=direct needs more than sslmode={}", mode.as_str()))
                .hint("write sslmode=require or stronger"));
        }
        let user = target.user.clone().or_else(|| options.user.clone()).ok_or_else(|| {
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
        let mut notes = self.target.notes().to_vec();
        let password = self.password(endpoint, &mut notes);
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
                decided => return decided,
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
        let mut first: Option<Error> = None;
        for (index, transport) in transports.iter().enumerate() {
            let tls = match transport {
                Transport::Plain => None,
                Transport::TlsIfOffered | Transport::Tls => {
                    Some(crate::db::tls::connector(self.target, self.options, self.mode)?)
                }
            };
            let config = self.config(endpoint, address, password, *transport);
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
            let ours = self.explain(error, endpoint, *transport, password.is_some());
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

    fn config(
        &self,
        endpoint: &Endpoint,
        address: Option<IpAddr>,
        password: Option<&Secret>,
        transport: Transport,
    ) -> Config {
        let target = self.target;
        let mut config = Config::new();
        match &endpoint.host {
            Host::Tcp(name) => config.host(name),
            Host::Unix(dir) => config.host_path(dir),
        };
        if let Some(address) = address {
            config.hostaddr(address);
        }
        config.port(endpoint.port).user(&self.user).dbname(self.database());
        config.application_name(&self.options.application_name);
        if let Some(password) = password {
            config.password(password.expose());
        }
        if let Some(options) = startup_options(target) {
            config.options(options);
        }
        config.ssl_mode(match transport {
            Transport::Plain => SslMode::Disable,
            Transport::TlsIfOffered => SslMode::Prefer,
            Transport::Tls => SslMode::Require,
        });
        config.ssl_negotiation(match target.negotiation {
            Negotiation::Postgres => SslNegotiation::Postgres,
            Negotiation::Direct => SslNegotiation::Direct,
        });
        config.channel_binding(match target.channel_binding.unwrap_or(ChannelBinding::Prefer) {
            ChannelBinding::Disable => Binding::Disable,
            ChannelBinding::Prefer => Binding::Prefer,
            ChannelBinding::Require => Binding::Require,
        });
        let keepalives = &target.keepalives;
        config.keepalives(keepalives.enabled).keepalives_idle(keepalives.idle);
        if let Some(interval) = keepalives.interval {
            config.keepalives_interval(interval);
        }
        if let Some(count) = keepalives.count {
            config.keepalives_retries(count);
        }
        if let Some(timeout) = keepalives.user_timeout {
            config.tcp_user_timeout(timeout);
        }
        // Used again for cancel requests; the whole login has its own limit.
        if let Some(timeout) = self.timeout {
            config.connect_timeout(timeout);
        }
        config
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
                Session::start(client, connection, Some(tls), label)
            }
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                Session::start(client, connection, None, label)
            }
        };
        let mut notes = notes.to_vec();
        let facts = facts(&unproven).await?;
        if facts.version < OLDEST {
            return Err(Failure::Ours(
                Error::invalid(format!(
                    "the server at {} is too old: Postgres {}",
                    endpoint.label(),
                    facts.version / 10_000
                ))
                .hint("Postgres 15 or newer is needed"),
            ));
        }
        if facts.version < SUPPORTED {
            notes.push("Postgres 14 gets no more fixes and works here as far as it does; 15 or newer is supported".to_owned());
        }
        if self.target.schema.is_some() && self.target.declares_pooler() {
            notes.push("`schema` in the database URL is ignored behind a pooler: set search_path for the role instead".to_owned());
        }
        let announced = pooler::announced_pid(unproven.client()).await;
        let found = pooler::detect(self.target, &endpoint.host, announced, facts.backend.pid);
        Ok(unproven.with(facts, found, notes))
    }

    /// The URL's, the shell's, the password file's: libpq's order.
    fn password(&self, endpoint: &Endpoint, notes: &mut Vec<String>) -> Option<Secret> {
        if let Some(password) = self.target.password.clone().or_else(|| self.options.password.clone()) {
            return Some(password);
        }
        let file = self
            .target
            .passfile
            .clone()
            .or_else(|| self.options.passfile.clone())
            .or_else(|| self.options.in_home(".pgpass"))?;
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
            Ok(found) => found,
            Err(note) => {
                notes.push(note);
                None
            }
        }
    }

    /// What a failed try means, in words.
    fn explain(
        &self,
        error: tokio_postgres::Error,
        endpoint: &Endpoint,
        transport: Transport,
        had_password: bool,
    ) -> Error {
        let label = endpoint.label();
        if error.as_db_error().is_some() {
            let options = error.code().is_some_and(|code| code.code() == "08P01");
            let ours = error::postgres(error).while_(format!("{label} refused the connection"));
            return if options && startup_options(self.target).is_some() {
                Error::invalid(ours.message().to_owned())
                    .hint("a pooler may not accept `options` or `schema`: remove them from the URL, or use the direct address")
            } else {
                ours
            };
        }
        match error::stage(&error) {
            Stage::Tls => explain_tls(&error, &label, endpoint).source(error),
            Stage::Config if !had_password => Error::invalid(format!("{label} asks for a password and none is given"))
                .hint("put it into PGPASSWORD, the password file or the URL")
                .source(error),
            Stage::Config | Stage::Authentication | Stage::Call => {
                let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                Error::invalid(format!("the login at {label} failed: {why}")).source(error)
            }
            Stage::Network => {
                let why = error::io_reason(&error).unwrap_or_else(|| "the server closed the connection".to_owned());
                let hint = match (&endpoint.host, transport) {
                    (Host::Unix(_), _) => "check that the server runs and that its socket is in this directory",
                    (Host::Tcp(_), _) => "check that the server runs, listens on this address, and that no firewall is between",
                };
                Error::unreachable(format!("{label} cannot be reached: {why}")).hint(hint).source(error)
            }
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

fn explain_tls(error: &tokio_postgres::Error, label: &str, endpoint: &Endpoint) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = cause {
        let tls = inner.downcast_ref::<rustls::Error>().or_else(|| {
            // rustls' error travels inside an I/O error, which shows its source one level too deep.
            inner.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>()
        });
        if let Some(tls) = tls {
            return explain_rustls(tls, label, endpoint);
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Error::unreachable(format!("the TLS handshake with {label} failed: {}", error::io_words(io)));
        }
        if inner.to_string() == "server does not support TLS" {
            return Error::invalid(format!("{label} does not support TLS"))
                .hint("switch `ssl` on in the server, or write sslmode=disable if the network is trusted");
        }
        cause = inner.source();
    }
    Error::invalid(format!("the TLS handshake with {label} failed"))
}

fn explain_rustls(error: &rustls::Error, label: &str, endpoint: &Endpoint) -> Error {
    use rustls::CertificateError as Cert;
    let (why, hint) = match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            Cert::UnknownIssuer => (
                "it is not signed by a trusted authority",
                "give the authority's certificate with sslrootcert=FILE",
            ),
            Cert::Expired | Cert::ExpiredContext { .. } => ("it has expired", "renew the server's certificate"),
            Cert::NotValidYet | Cert::NotValidYetContext { .. } => {
                ("it is not valid yet", "check the clocks of both machines")
            }
            Cert::NotValidForName | Cert::NotValidForNameContext { .. } => {
                let Host::Tcp(name) = &endpoint.host else {
                    return Error::bug("TLS on a unix socket");
                };
                return Error::invalid(format!("the certificate of {label} is not for the host {name}"))
                    .hint("connect by a name in the certificate, or write sslmode=verify-ca if any name will do");
            }
            Cert::BadEncoding => (
                "it cannot be read",
                "certificates of X.509 version 1 are not supported: sign it again with extensions",
            ),
            _ => {
                return Error::invalid(format!("the certificate of {label} is not accepted: {reason}"));
            }
        },
        rustls::Error::AlertReceived(alert) => {
            return Error::invalid(format!(
                "{label} refused the TLS handshake: {}",
                format!("{alert:?}").chars().fold(String::new(), spaced)
            ))
            .hint("the server may want another client certificate (sslcert, sslkey)");
        }
        other => return Error::invalid(format!("the TLS handshake with {label} failed: {other}")),
    };
    Error::invalid(format!("the certificate of {label} is not accepted: {why}")).hint(hint)
}

/// `CertificateRequired` as `certificate required`.
fn spaced(mut text: String, c: char) -> String {
    if c.is_uppercase() && !text.is_empty() {
        text.push(' ');
    }
    text.extend(c.to_lowercase());
    text
}

/// What goes into the startup message's `options`: the URL's own, and the schema
/// an ORM asked for. A pooler that the URL names would refuse the latter.
fn startup_options(target: &PostgresTarget) -> Option<String> {
    let schema = target.schema().filter(|_| !target.declares_pooler()).map(|schema| {
        let quoted = format!("\"{}\"", schema.replace('"', "\"\""));
        let escaped: String = quoted
            .chars()
            .flat_map(|c| (c == '\\' || c.is_whitespace()).then_some('\\').into_iter().chain([c]))
            .collect();
        format!("-c search_path={escaped}")
    });
    match (&target.options, schema) {
        (Some(options), Some(schema)) => Some(format!("{options} {schema}")),
        (Some(options), None) => Some(options.clone()),
        (None, schema) => schema,
    }
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
    fn a_schema_becomes_a_quoted_and_escaped_search_path() {
        for (schema, options) in [
            ("app", r#"-c search_path="app""#),
            ("my schema", r#"-c search_path="my\ schema""#),
            (r#"a"b\c"#, r#"-c search_path="a""b\\c""#),
        ] {
            let target = PostgresTarget { schema: Some(schema.to_owned()), ..PostgresTarget::default() };
            assert_eq!(startup_options(&target).as_deref(), Some(options));
            let pooled = PostgresTarget { declared_pooler: true, ..target };
            assert_eq!(startup_options(&pooled), None);
        }
    }

    #[test]
    fn alerts_read_as_words() {
        assert_eq!("CertificateRequired".chars().fold(String::new(), spaced), "certificate required");
    }
}
