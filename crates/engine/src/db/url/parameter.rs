//! The parameters of a Postgres URL, by the names that libpq, ORMs and drivers gave them.

use std::path::PathBuf;
use std::time::Duration;

use super::postgres::{Draft, SessionAttrs, parse_port};
use super::printable;
use crate::db::options::{ChannelBinding, Negotiation, RootCert, TlsMode, TlsVersion};
use crate::db::secret::Secret;
use crate::{Error, Result};

/// What libpq defines and this client honours.
const LIBPQ: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "passfile",
    "dbname",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "channel_binding",
    "application_name",
    "fallback_application_name",
    "options",
    "connect_timeout",
    "target_session_attrs",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "gssencmode",
    "client_encoding",
    "load_balance_hosts",
    "sslcompression",
    "sslsni",
];

/// What libpq defines and to ignore would make a connection weaker or another one than asked for.
const REFUSED: &[&str] = &[
    "service",
    "servicefile",
    "sslcrl",
    "sslcrldir",
    "requirepeer",
    "require_auth",
    "replication",
    "krbsrvname",
    "gsslib",
    "gssdelegation",
    "sslcertmode",
    "sslpassword",
];

/// What only an ORM or a driver understands: pools, caches, retries of its own.
const IGNORED: &[&str] = &[
    "connection_limit",
    "pool_timeout",
    "max_idle_connection_lifetime",
    "max_connection_lifetime",
    "pool_size",
    "max_overflow",
    "statement_cache_size",
    "statement-cache-capacity",
    "prepared_statement_cache_size",
    "prepare_threshold",
    "preparethreshold",
    "socket_timeout",
    "sockettimeout",
    "sslaccept",
    "sslidentity",
    "direct",
    "directurl",
    "supa",
    "workaround",
    "uselibpqcompat",
    "async_fallback",
    "pool",
    "reconnect",
    "binary_parameters",
    "default_query_exec_mode",
    "pool_max_conns",
    "pool_min_conns",
    "timezone",
    "charset",
    "encoding",
    "serverversion",
    "max",
    "idle_timeout",
    "command_timeout",
    "timeout",
    "query_timeout",
];

/// Takes one decoded parameter into the draft.
///
/// # Errors
/// `Invalid` for a value that cannot be read, for a parameter whose neglect
/// would weaken the connection, and for one that is almost a known name.
pub(super) fn apply(draft: &mut Draft, name: &str, value: &str) -> Result<()> {
    if place(draft, name, value)? || transport(draft, name, value)? || foreign(draft, name, value)? {
        return Ok(());
    }
    if REFUSED.contains(&name) {
        return Err(Error::invalid(format!("`{name}` in the database URL is not supported"))
            .hint("remove it; it is refused rather than ignored because the connection would not be the one asked for"));
    }
    let lower = name.to_ascii_lowercase();
    if IGNORED.contains(&lower.as_str()) {
        draft.target.note(for_the_application(&lower));
        return Ok(());
    }
    if let Some(meant) = nearest(&lower) {
        return Err(Error::invalid("the database URL has an unknown parameter")
            .hint(format!("`{meant}` may be meant")));
    }
    let shown = printable(name);
    draft.target.note(format!("the parameter `{shown}` of the database URL is unknown and ignored"));
    Ok(())
}

/// How a note ends that asks nobody to do anything.
const INFORMS: &str = "is for the application and is ignored";

fn for_the_application(name: &str) -> String {
    format!("`{name}` in the database URL {INFORMS}")
}

/// The note of a parameter that only an application's pool understands, if `name` is one.
pub(super) fn of_a_pool(name: &str) -> Option<String> {
    IGNORED.contains(&name).then(|| for_the_application(name))
}

/// Whether `note`, one of a target's, asks nobody to do anything: a program that is started
/// often need not repeat it.
pub fn only_informs(note: &str) -> bool {
    note.ends_with(INFORMS)
}

/// Who connects where.
fn place(draft: &mut Draft, name: &str, value: &str) -> Result<bool> {
    let target = &mut draft.target;
    let some = || Some(value.to_owned()).filter(|value| !value.is_empty());
    match name {
        "host" => draft.hosts = value.split(',').map(|host| unbracket(host).to_owned()).collect(),
        "hostaddr" => {
            let parse = |text: &str| match text {
                "" => Ok(None),
                text => text
                    .parse()
                    .map(Some)
                    .map_err(|_| Error::invalid("`hostaddr` in the database URL is not an IP address")),
            };
            draft.addrs = value.split(',').map(parse).collect::<Result<_>>()?;
        }
        "port" => draft.ports = value.split(',').map(parse_port).collect::<Result<_>>()?,
        "user" | "username" => target.user = some(),
        "password" => target.password = some().map(Secret::new),
        "passfile" => target.passfile = some().map(PathBuf::from),
        "dbname" | "database" => target.database = some(),
        "options" => target.options = some(),
        "schema" | "currentSchema" | "search_path" => target.schema = some(),
        "target_session_attrs" | "targetServerType" => {
            target.session_attrs = match value {
                "any" | "" => SessionAttrs::Any,
                "read-write" => SessionAttrs::ReadWrite,
                "read-only" => SessionAttrs::ReadOnly,
                "primary" | "master" => SessionAttrs::Primary,
                "standby" | "secondary" => SessionAttrs::Standby,
                "prefer-standby" | "preferSecondary" => SessionAttrs::PreferStandby,
                _ => {
                    return Err(not_one_of(
                        name,
                        "any, read-write, read-only, primary, standby, prefer-standby",
                    ));
                }
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// How the bytes travel.
fn transport(draft: &mut Draft, name: &str, value: &str) -> Result<bool> {
    let target = &mut draft.target;
    let some_path = || Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty());
    match name {
        "sslmode" if value == "no-verify" => target.tls_mode = Some(TlsMode::Require),
        "sslmode" => target.tls_mode = Some(TlsMode::parse(value)?),
        // JDBC's and node-postgres' spelling; libpq reads it so as well.
        "ssl" => {
            target.tls_mode = Some(match value {
                "true" | "1" | "on" => TlsMode::Require,
                "false" | "0" | "off" => TlsMode::Disable,
                mode => TlsMode::parse(mode)?,
            });
        }
        "sslrootcert" => target.root_cert = some_path().map(RootCert::from),
        "sslcert" => target.client_cert = some_path(),
        "sslkey" => target.client_key = some_path(),
        "sslnegotiation" => {
            target.negotiation = match value {
                "postgres" | "" => Negotiation::Postgres,
                "direct" => Negotiation::Direct,
                _ => return Err(not_one_of(name, "postgres, direct")),
            }
        }
        "ssl_min_protocol_version" => target.min_tls = TlsVersion::parse(name, value)?,
        "ssl_max_protocol_version" => target.max_tls = TlsVersion::parse(name, value)?,
        "channel_binding" => target.channel_binding = Some(ChannelBinding::parse(value)?),
        "connect_timeout" => target.connect_timeout = Some(connect_timeout(name, value)?),
        "keepalives" => target.keepalives.enabled = number(name, value)? != 0,
        "keepalives_idle" => {
            if let Some(seconds) = positive(number(name, value)?) {
                target.keepalives.idle = Duration::from_secs(seconds);
            }
        }
        "keepalives_interval" => {
            target.keepalives.interval = positive(number(name, value)?).map(Duration::from_secs)
        }
        "keepalives_count" => {
            target.keepalives.count =
                positive(number(name, value)?).and_then(|count| u32::try_from(count).ok());
        }
        "tcp_user_timeout" => {
            target.keepalives.user_timeout = positive(number(name, value)?).map(Duration::from_millis);
        }
        "gssencmode" if value == "require" => {
            return Err(Error::invalid("gssencmode=require in the database URL is not supported"));
        }
        // Ours are always UTF-8, always under our own name, in the order written.
        "gssencmode"
        | "client_encoding"
        | "application_name"
        | "fallback_application_name"
        | "ApplicationName"
        | "load_balance_hosts"
        | "sslcompression"
        | "sslsni" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

/// What ORMs added, where it means something to us.
fn foreign(draft: &mut Draft, name: &str, value: &str) -> Result<bool> {
    match name {
        "pgbouncer" => match value {
            "true" | "1" => draft.target.declared_pooler = true,
            "false" | "0" | "" => {}
            _ => return Err(not_one_of(name, "true, false")),
        },
        "sslaccept" if value == "strict" => {
            draft.target.note(
                "`sslaccept=strict` is ignored: write sslmode=verify-full to have the certificate checked",
            );
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn unbracket(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Whole seconds; 0, a negative or an empty value mean: wait for ever.
fn connect_timeout(name: &str, value: &str) -> Result<Duration> {
    Ok(Duration::from_secs(positive(number(name, value)?).unwrap_or(0)))
}

fn number(name: &str, value: &str) -> Result<i64> {
    if value.is_empty() {
        return Ok(0);
    }
    value
        .trim()
        .parse::<i32>()
        .map(i64::from)
        .map_err(|_| Error::invalid(format!("`{name}` in the database URL is not a number")))
}

fn positive(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|number| *number > 0)
}

fn not_one_of(name: &str, values: &str) -> Error {
    Error::invalid(format!("`{name}` in the database URL has an unknown value"))
        .hint(format!("known: {values}"))
}

/// The known name that `name` is a slip away from.
fn nearest(name: &str) -> Option<&'static str> {
    LIBPQ
        .iter()
        .chain(REFUSED)
        .chain(&["schema", "pgbouncer", "connection_limit", "pool_timeout"])
        .copied()
        .filter(|known| known.len() > 4)
        .map(|known| (edits(name, known), known))
        .filter(|(edits, _)| *edits <= 2)
        .min()
        .map(|(_, known)| known)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != *y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}
