//! What a connection needs beside its URL.
//!
//! The engine never reads the environment: the shell fills [`ConnectOptions`]
//! from its variables. As in libpq, what the URL says comes first and these
//! values fill the gaps.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::db::secret::Secret;
use crate::{Error, Result};

/// Defaults for every connection of a process.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// `PGPASSWORD`.
    pub password: Option<Secret>,
    /// `PGPASSFILE`; without it `.pgpass` in [`home`](Self::home).
    pub passfile: Option<PathBuf>,
    /// `PGSSLMODE`.
    pub tls_mode: Option<TlsMode>,
    /// `PGSSLROOTCERT`; without it `.postgresql/root.crt` in [`home`](Self::home).
    pub root_cert: Option<RootCert>,
    /// `PGSSLCERT`; without it `.postgresql/postgresql.crt` in [`home`](Self::home).
    pub client_cert: Option<PathBuf>,
    /// `PGSSLKEY`; without it `.postgresql/postgresql.key` in [`home`](Self::home).
    pub client_key: Option<PathBuf>,
    /// The user when the URL names none: the operating system's.
    pub user: Option<String>,
    /// Where the defaults of the files above live.
    pub home: Option<PathBuf>,
    /// The name that others see in `pg_stat_activity`. It wins over the URL's,
    /// which is the application's: whoever waits for us must see who we are.
    pub application_name: String,
    /// For each address tried, login included; `ZERO` waits for ever.
    pub connect_timeout: Duration,
    /// Whether a server in recovery will do, for commands that only read.
    pub allow_standby: bool,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            password: None,
            passfile: None,
            tls_mode: None,
            root_cert: None,
            client_cert: None,
            client_key: None,
            user: None,
            home: None,
            application_name: "cofferdam".to_owned(),
            connect_timeout: Duration::from_secs(10),
            allow_standby: false,
        }
    }
}

impl ConnectOptions {
    /// A file of the user's, if there is one.
    pub(crate) fn in_home(&self, relative: &str) -> Option<PathBuf> {
        self.home.as_deref().map(|home| home.join(relative)).filter(|path| path.exists())
    }
}

/// libpq's `sslmode`, with its meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TlsMode {
    /// Never.
    Disable,
    /// Only if the server refuses a plain connection.
    Allow,
    /// If the server can; else plain.
    #[default]
    Prefer,
    /// Always; the certificate is checked only if a root certificate is given.
    Require,
    /// Always, with a certificate from a trusted authority.
    VerifyCa,
    /// Always, with a certificate from a trusted authority for this host.
    VerifyFull,
}

impl TlsMode {
    /// Reads `sslmode`'s spelling.
    ///
    /// # Errors
    /// `Invalid`, naming the known ones.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                return Err(Error::invalid("sslmode has an unknown value")
                    .hint("known: disable, allow, prefer, require, verify-ca, verify-full"));
            }
        })
    }

    /// `sslmode`'s spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Whom to trust (`sslrootcert`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCert {
    /// The operating system's authorities (`sslrootcert=system`).
    System,
    /// The certificates in a PEM file.
    File(PathBuf),
}

impl From<PathBuf> for RootCert {
    fn from(path: PathBuf) -> Self {
        if path == Path::new("system") { Self::System } else { Self::File(path) }
    }
}

/// Who begins the TLS handshake (`sslnegotiation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Negotiation {
    /// The server is asked first whether it can.
    #[default]
    Postgres,
    /// At once; servers from 17 on.
    Direct,
}

/// Whether a password login is tied to the TLS connection (`channel_binding`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If both can.
    Prefer,
    /// Always.
    Require,
}

impl ChannelBinding {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            _ => {
                return Err(Error::invalid("channel_binding has an unknown value")
                    .hint("known: disable, prefer, require"));
            }
        })
    }
}

/// A version of TLS that this client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    V12,
    /// TLS 1.3.
    V13,
}

impl TlsVersion {
    pub(crate) fn parse(name: &str, text: &str) -> Result<Option<Self>> {
        Ok(match text {
            "" => None,
            // As a minimum these are met by anything we speak.
            "TLSv1" | "TLSv1.1" if name.contains("min") => None,
            "TLSv1.2" => Some(Self::V12),
            "TLSv1.3" => Some(Self::V13),
            _ => return Err(Error::invalid(format!("`{name}` must be TLSv1.2 or TLSv1.3"))),
        })
    }
}
