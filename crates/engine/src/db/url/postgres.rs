//! The `postgres://` form, and what any form says about a Postgres database.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{decode, parameter, printable};
use crate::db::options::{ChannelBinding, Negotiation, RootCert, TlsMode, TlsVersion};
use crate::db::secret::Secret;
use crate::{Error, Result};

/// Where libpq builds look for the local server's socket: Debian and Red Hat, then upstream.
pub(crate) const SOCKET_DIRS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// The port when none is named.
pub(crate) const DEFAULT_PORT: u16 = 5432;

/// A Postgres database as a URL or `key=value` text describes it.
///
/// What is `None` is filled in at the connection from
/// [`ConnectOptions`](crate::db::ConnectOptions), as libpq fills it from its variables.
#[derive(Debug, Clone, Default)]
pub struct PostgresTarget {
    pub(crate) endpoints: Vec<Endpoint>,
    /// The port that stands without a host (`postgres://:5433/db`).
    pub(crate) port: Option<u16>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: Option<String>,
    pub(crate) tls_mode: Option<TlsMode>,
    pub(crate) root_cert: Option<RootCert>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) negotiation: Negotiation,
    pub(crate) min_tls: Option<TlsVersion>,
    pub(crate) max_tls: Option<TlsVersion>,
    pub(crate) channel_binding: Option<ChannelBinding>,
    pub(crate) passfile: Option<PathBuf>,
    pub(crate) options: Option<String>,
    pub(crate) schema: Option<String>,
    /// `Some(ZERO)` means: wait for ever.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) session_attrs: SessionAttrs,
    pub(crate) keepalives: Keepalives,
    pub(crate) declared_pooler: bool,
    pub(crate) notes: Vec<String>,
}

/// One server to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The name that is resolved, and that a certificate is checked against.
    pub host: Host,
    /// An address that replaces the resolution of the name (`hostaddr`).
    pub addr: Option<IpAddr>,
    /// The TCP port, or the number in the socket's file name.
    pub port: u16,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name or an address, without brackets.
    Tcp(String),
    /// The directory that holds the socket.
    Unix(PathBuf),
}

/// Which of several servers will do (`target_session_attrs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionAttrs {
    /// Nothing was said: the first that can be written to.
    #[default]
    Any,
    /// Accepts writes.
    ReadWrite,
    /// Does not accept writes.
    ReadOnly,
    /// Not in recovery.
    Primary,
    /// In recovery.
    Standby,
    /// A standby if there is one.
    PreferStandby,
}

/// TCP keepalive, so that a connection through a firewall does not die unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepalives {
    pub(crate) enabled: bool,
    pub(crate) idle: Duration,
    pub(crate) interval: Option<Duration>,
    pub(crate) count: Option<u32>,
    pub(crate) user_timeout: Option<Duration>,
}

impl Default for Keepalives {
    /// After 60 s of silence, every 10 s, dead after 3: the system's own two
    /// hours would let a runner sit on its lease's lock all that time.
    fn default() -> Self {
        Self {
            enabled: true,
            idle: Duration::from_secs(60),
            interval: Some(Duration::from_secs(10)),
            count: Some(3),
            user_timeout: None,
        }
    }
}

impl PostgresTarget {
    /// The servers in the order they are tried; empty means: the local one.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The user that the URL names.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether the URL holds a password: then it must not be written down.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// The database that the URL names; without one it is called like the user.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The schema that an ORM's URL asks for (`?schema=`).
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Whether the URL says that a transaction pooler stands between (`?pgbouncer=true`).
    pub fn declares_pooler(&self) -> bool {
        self.declared_pooler
    }

    /// What is ignored or read in a special way, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The same server and login, another database: for the maintenance
    /// database, and for a throw-away one.
    #[must_use]
    pub fn with_database(&self, database: impl Into<String>) -> Self {
        Self { database: Some(database.into()), ..self.clone() }
    }

    /// `user@host:port/database`.
    pub fn redacted(&self) -> String {
        let mut text = String::new();
        if let Some(user) = &self.user {
            text.push_str(user);
            text.push('@');
        }
        let hosts: Vec<String> = self.endpoints.iter().map(Endpoint::label).collect();
        if hosts.is_empty() {
            text.push_str(&format!("localhost:{}", self.port.unwrap_or(DEFAULT_PORT)));
        } else {
            text.push_str(&hosts.join(","));
        }
        if let Some(database) = &self.database {
            text.push('/');
            text.push_str(database);
        }
        printable(&text)
    }

    /// Equal for two ways to write one database; see [`Target::identity`](super::Target::identity).
    pub fn identity(&self) -> String {
        format!("postgres {} {}", self.servers().join(","), self.database_or_user())
    }

    /// Whether one of the servers and the name of the database are those of `other`; see
    /// [`Target::may_be`](super::Target::may_be).
    pub fn may_be(&self, other: &Self) -> bool {
        let servers = other.servers();
        self.database_or_user() == other.database_or_user()
            && self.servers().iter().any(|server| servers.contains(server))
    }

    /// The servers, each written in one way, in the order of their names.
    fn servers(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self.endpoints.iter().map(Endpoint::identity).collect();
        if hosts.is_empty() {
            hosts.push(format!("localhost:{}", self.port.unwrap_or(DEFAULT_PORT)));
        }
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// A database that is not named is called like the user.
    fn database_or_user(&self) -> &str {
        self.database.as_deref().or(self.user.as_deref()).unwrap_or_default()
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

impl Endpoint {
    /// `host:port`, as people write it.
    pub fn label(&self) -> String {
        match &self.host {
            Host::Tcp(name) if name.contains(':') => format!("[{}]:{}", printable(name), self.port),
            Host::Tcp(name) => format!("{}:{}", printable(name), self.port),
            Host::Unix(dir) => format!("{}:{}", printable(&dir.to_string_lossy()), self.port),
        }
    }

    fn identity(&self) -> String {
        let local = format!("localhost:{}", self.port);
        match &self.host {
            Host::Unix(dir) if SOCKET_DIRS.iter().any(|known| dir.as_os_str() == *known) => local,
            Host::Unix(dir) => format!("{}:{}", dir.display(), self.port),
            Host::Tcp(name) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                let loopback =
                    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
                if loopback { local } else { format!("{name}:{}", self.port) }
            }
        }
    }
}

/// Parts that only make sense together, gathered from URL and parameters.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) target: PostgresTarget,
    pub(super) hosts: Vec<String>,
    pub(super) addrs: Vec<Option<IpAddr>>,
    pub(super) ports: Vec<Option<u16>>,
}

impl Draft {
    pub(super) fn finish(mut self) -> Result<PostgresTarget> {
        if self.hosts.iter().all(String::is_empty) && self.addrs.is_empty() && self.hosts.len() <= 1 {
            if self.ports.len() > 1 {
                return Err(Error::invalid("the database URL names several ports and no host"));
            }
            self.target.port = self.ports.pop().flatten();
            return Ok(self.target);
        }
        let count = self.hosts.len().max(self.addrs.len());
        if !self.addrs.is_empty() && !self.hosts.is_empty() && self.addrs.len() != self.hosts.len() {
            return Err(Error::invalid("the database URL names as many hostaddr as hosts or none"));
        }
        if self.ports.len() > 1 && self.ports.len() != count {
            return Err(Error::invalid(format!(
                "the database URL names {count} hosts but {} ports",
                self.ports.len()
            )));
        }
        for index in 0..count {
            let addr = self.addrs.get(index).copied().flatten();
            let port = *self.ports.get(index).or(self.ports.first()).unwrap_or(&None);
            let host = match (self.hosts.get(index).map(String::as_str), addr) {
                (Some("") | None, Some(addr)) => Host::Tcp(addr.to_string()),
                (Some("") | None, None) => Host::Tcp("localhost".to_owned()),
                (Some(dir), _) if dir.starts_with('/') => Host::Unix(PathBuf::from(dir)),
                (Some(dir), _) if dir.starts_with('@') => {
                    return Err(Error::invalid("abstract unix sockets are not supported"));
                }
                (Some(name), _) => Host::Tcp(name.to_owned()),
            };
            self.target.endpoints.push(Endpoint { host, addr, port: port.unwrap_or(DEFAULT_PORT) });
        }
        Ok(self.target)
    }
}

/// Reads what follows `postgres://`.
pub(super) fn parse(rest: &str) -> Result<PostgresTarget> {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    // Everything behind the authority that holds a raw @ may be the rest of a
    // password with a raw / or ?, so it is neither used nor shown.
    if tail.contains('@') {
        return Err(Error::invalid("the parts of the database URL cannot be told apart").hint(
            "percent-encode special characters in user, password and parameters: / as %2F, ? as %3F, @ as %40",
        ));
    }
    let mut draft = Draft::default();
    let hosts = match authority.rsplit_once('@') {
        Some((login, hosts)) => {
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (login, None),
            };
            draft.target.user = Some(decode(user, "user")?).filter(|user| !user.is_empty());
            draft.target.password = password
                .filter(|password| !password.is_empty())
                .map(|password| decode(password, "password").map(Secret::new))
                .transpose()?;
            hosts
        }
        None => authority,
    };
    read_hosts(hosts, &mut draft)?;
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) => (path, query),
        None => (tail, ""),
    };
    let database = decode(path.strip_prefix('/').unwrap_or(path), "database name")?;
    draft.target.database = Some(database).filter(|name| !name.is_empty());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Error::invalid("a parameter of the database URL has no value")
                .hint("write parameters as ?name=value&name=value"));
        };
        let name = decode(name, "name of a parameter")?;
        let value = decode(value, "value of a parameter")?;
        parameter::apply(&mut draft, &name, &value)?;
    }
    draft.finish()
}

/// `host`, `host:port`, `[::1]:port`, `%2Fsocket%2Fdir`, or several with commas.
fn read_hosts(text: &str, draft: &mut Draft) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    for part in text.split(',') {
        let (host, port) = if let Some(rest) = part.strip_prefix('[') {
            let Some((address, port)) = rest.split_once(']') else {
                return Err(Error::invalid("an IPv6 address in the database URL lacks its closing bracket"));
            };
            match port.strip_prefix(':') {
                Some(port) => (address, port),
                None if port.is_empty() => (address, ""),
                None => return Err(bad_port()),
            }
        } else {
            let (host, port) = part.split_once(':').unwrap_or((part, ""));
            if port.contains(':') {
                return Err(Error::invalid("the host in the database URL contains several colons")
                    .hint("write an IPv6 address in brackets: postgres://[::1]:5432/DATABASE"));
            }
            (host, port)
        };
        draft.hosts.push(decode(host, "host")?);
        draft.ports.push(parse_port(port)?);
    }
    // libpq's rule "one port for all" is for the parameter; here each host has its own.
    Ok(())
}

/// A port, or nothing for the default. The text is not repeated: with a raw `/`
/// in the password it is a piece of the password.
pub(super) fn parse_port(text: &str) -> Result<Option<u16>> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Some(port)),
        Ok(_) | Err(_) => Err(bad_port()),
    }
}

fn bad_port() -> Error {
    Error::invalid("the port in the database URL is not a number from 1 to 65535")
        .hint("if this is part of the password, percent-encode it: / as %2F, ? as %3F, @ as %40, : as %3A")
}
