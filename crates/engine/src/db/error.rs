//! From the databases' own errors to ours: what the caller should do, and what
//! the server said, kept apart.
//!
//! `message` and `hint` of a failed statement are the server's words about names
//! and types. `detail` may hold row values (`Key (email)=(ann@..) already
//! exists`), so it is a field of its own and whoever logs can leave it out.

use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use crate::{Error, ErrorKind, Result};

/// What a database said about a statement that it did not carry out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlFailure {
    /// Postgres' five characters, or SQLite's name of the code (`SQLITE_BUSY`).
    pub sqlstate: String,
    /// The server's message, without `ERROR:`.
    pub message: String,
    /// Postgres' DETAIL. May hold row values.
    pub detail: Option<String>,
    /// Postgres' HINT.
    pub hint: Option<String>,
    /// Where in the statement, in bytes from its start.
    pub position: Option<usize>,
    /// The statement that the server itself was running (in a function), with the byte offset in it.
    pub internal: Option<(String, usize)>,
    /// Postgres' CONTEXT: the stack of functions. May hold row values.
    pub where_: Option<String>,
    /// The schema of the object at fault.
    pub schema: Option<String>,
    /// The table at fault.
    pub table: Option<String>,
    /// The column at fault.
    pub column: Option<String>,
    /// The constraint at fault.
    pub constraint: Option<String>,
}

impl SqlFailure {
    /// What Postgres said about `sql`; `None` if it is no answer of the server
    /// but a lost connection or the like.
    ///
    /// `sql` must be the text as it was sent: Postgres counts characters from its start.
    pub fn from_postgres(error: &tokio_postgres::Error, sql: &str) -> Option<Self> {
        error.as_db_error().map(|error| Self::from_db(error, sql))
    }

    fn from_db(error: &DbError, sql: &str) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let mut failure = Self {
            sqlstate: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: owned(error.detail()),
            hint: owned(error.hint()),
            where_: owned(error.where_()),
            schema: owned(error.schema()),
            table: owned(error.table()),
            column: owned(error.column()),
            constraint: owned(error.constraint()),
            ..Self::default()
        };
        match error.position() {
            Some(ErrorPosition::Original(at)) => failure.position = Some(byte_offset(sql, *at)),
            Some(ErrorPosition::Internal { position, query }) => {
                failure.internal = Some((query.clone(), byte_offset(query, *position)));
            }
            None => {}
        }
        failure
    }

    /// What SQLite said; `None` if the fault is in the call, not in the database.
    ///
    /// The position counts from the start of the statement that SQLite was given.
    pub fn from_sqlite(error: &rusqlite::Error) -> Option<Self> {
        let (code, message, position) = match error {
            rusqlite::Error::SqliteFailure(code, message) => (code, message.clone(), None),
            rusqlite::Error::SqlInputError { error, msg, offset, .. } => {
                (error, Some(msg.clone()), usize::try_from(*offset).ok())
            }
            _ => return None,
        };
        let name = sqlite_name(code.extended_code);
        let message = message.unwrap_or_else(|| rusqlite::ffi::code_to_str(code.extended_code).to_owned());
        Some(Self { sqlstate: name, message, position, ..Self::default() })
    }

    /// What the caller should do about it.
    pub fn kind(&self) -> ErrorKind {
        if self.sqlstate.starts_with("SQLITE_") {
            sqlite_kind(&self.sqlstate)
        } else {
            postgres_kind(&self.sqlstate)
        }
    }

    /// The error without the statement; the runner adds the place.
    pub fn into_error(self) -> Error {
        let own_hint = hint_for(&self.sqlstate);
        let mut error = Error::new(self.kind(), self.message);
        if let Some(hint) = self.hint {
            error = error.hint(hint);
        }
        if let Some(hint) = own_hint {
            error = error.hint(hint);
        }
        for (label, detail) in [("DETAIL", self.detail), ("CONTEXT", self.where_)] {
            if let Some(detail) = detail {
                error = error.detail(format!("{label}: {detail}"));
            }
        }
        error
    }
}

/// Postgres counts characters from 1; the program counts bytes from 0.
fn byte_offset(sql: &str, position: u32) -> usize {
    let characters = usize::try_from(position).unwrap_or(usize::MAX).saturating_sub(1);
    sql.char_indices().nth(characters).map_or(sql.len(), |(at, _)| at)
}

/// See the appendix "PostgreSQL Error Codes" of its manual.
fn postgres_kind(sqlstate: &str) -> ErrorKind {
    match sqlstate {
        // lock_not_available, too_many_connections.
        "55P03" | "53300" => ErrorKind::Blocked,
        // query_canceled: lock waits of ours end by lock_timeout, so it is a limit of theirs, and
        // would end the statement again.
        "57014" => ErrorKind::Conflict,
        // idle_in_transaction_session_timeout, transaction_timeout, idle_session_timeout: nothing was decided.
        "25P03" | "25P04" | "57P05" => ErrorKind::Interrupted,
        // Password, role, pg_hba; no such database; no right; read-only; pooler's "unsupported parameter".
        "3D000" | "42501" | "25006" => ErrorKind::Invalid,
        "XX001" | "XX002" => ErrorKind::Corrupt,
        // Our own guard against accidents.
        "ZG001" => ErrorKind::Refused,
        _ if sqlstate.starts_with("28") => ErrorKind::Invalid,
        // serialization_failure, deadlock_detected and their kind.
        _ if sqlstate.starts_with("40") => ErrorKind::Blocked,
        // Connection exceptions; admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped.
        _ if sqlstate.starts_with("08") || sqlstate.starts_with("57P") => ErrorKind::Unreachable,
        _ => ErrorKind::Conflict,
    }
}

fn sqlite_kind(name: &str) -> ErrorKind {
    let is = |base: &str| name == base || name.strip_prefix(base).is_some_and(|rest| rest.starts_with('_'));
    if is("SQLITE_BUSY") || is("SQLITE_LOCKED") {
        ErrorKind::Blocked
    } else if is("SQLITE_CORRUPT") || is("SQLITE_NOTADB") {
        ErrorKind::Corrupt
    } else if is("SQLITE_CANTOPEN") || is("SQLITE_PERM") || is("SQLITE_READONLY") || is("SQLITE_AUTH") {
        ErrorKind::Invalid
    } else if is("SQLITE_INTERRUPT") {
        ErrorKind::Interrupted
    } else {
        ErrorKind::Conflict
    }
}

/// SQLite's constant, from its primary code; the extended number stands behind when it says more.
fn sqlite_name(extended: i32) -> String {
    let primary = match extended & 0xff {
        1 => "ERROR",
        2 => "INTERNAL",
        3 => "PERM",
        4 => "ABORT",
        5 => "BUSY",
        6 => "LOCKED",
        7 => "NOMEM",
        8 => "READONLY",
        9 => "INTERRUPT",
        10 => "IOERR",
        11 => "CORRUPT",
        12 => "NOTFOUND",
        13 => "FULL",
        14 => "CANTOPEN",
        15 => "PROTOCOL",
        17 => "SCHEMA",
        18 => "TOOBIG",
        19 => "CONSTRAINT",
        20 => "MISMATCH",
        21 => "MISUSE",
        23 => "AUTH",
        25 => "RANGE",
        26 => "NOTADB",
        _ => "ERROR",
    };
    if extended > 0xff { format!("SQLITE_{primary}_{}", extended >> 8) } else { format!("SQLITE_{primary}") }
}

fn hint_for(sqlstate: &str) -> Option<&'static str> {
    Some(match sqlstate {
        "28P01" => {
            "check the password: it comes from the URL, PGPASSWORD or the password file, in this order"
        }
        "28000" => "check the user name, and the server's pg_hba.conf for this user, database and address",
        "3D000" => "create the database first, or correct its name in the URL",
        "42501" => "grant the right to this role, or connect as the owner of the object",
        "25006" => "connect to the primary, and check default_transaction_read_only",
        "53300" => "wait, close other clients, or raise max_connections",
        "53100" => "free disk space on the server, then run the same command again",
        "57014" => {
            "a statement_timeout of the server, the database or the role ended it, or somebody cancelled it: \
             raise the limit (set statement_timeout in the file), or make the statement shorter"
        }
        "57P03" => "the server is starting or stopping: run the same command again in a moment",
        "55P03" => "another session holds the lock: run the same command again when it is free",
        _ => return None,
    })
}

/// Ours from Postgres', for statements of our own, whose text a user need not see.
pub fn postgres(error: tokio_postgres::Error) -> Error {
    if let Some(failure) = SqlFailure::from_postgres(&error, "") {
        return SqlFailure { position: None, ..failure }.into_error().source(error);
    }
    connection(error)
}

/// Ours from SQLite's, for statements of our own.
pub fn sqlite(error: rusqlite::Error) -> Error {
    match SqlFailure::from_sqlite(&error) {
        Some(failure) => failure.into_error().source(error),
        // Rust's side of the call was wrong: a type, a count, a name.
        None => Error::bug(format!("sqlite was called wrongly: {error}")).source(error),
    }
}

/// Which part of the protocol failed. The client's own kind is private, so it is
/// read from its fixed text; a test on a real server keeps the texts honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Tls,
    Authentication,
    /// The password is missing.
    Config,
    Network,
    Call,
}

pub(crate) fn stage(error: &tokio_postgres::Error) -> Stage {
    match error.to_string().as_str() {
        "error performing TLS handshake" => Stage::Tls,
        "authentication error" => Stage::Authentication,
        "invalid configuration" => Stage::Config,
        "error communicating with the server"
        | "error connecting to server"
        | "connection closed"
        | "unexpected message from server"
        | "error parsing response from server"
        | "timeout waiting for server" => Stage::Network,
        _ => Stage::Call,
    }
}

/// A failure that is no answer to a statement, on a connection that once stood.
pub(crate) fn connection(error: tokio_postgres::Error) -> Error {
    match stage(&error) {
        Stage::Call => Error::bug(format!("postgres was called wrongly: {error}")).source(error),
        Stage::Tls | Stage::Authentication | Stage::Config | Stage::Network => {
            let why = io_reason(&error).unwrap_or_else(|| "the server closed it".to_owned());
            Error::unreachable(format!("the connection to the database was lost: {why}"))
                .hint("run the same command again when the server is back")
                .source(error)
        }
    }
}

/// The operating system's reason in plain words, without its number.
pub(crate) fn io_reason(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io_words(io));
        }
        cause = error.source();
    }
    None
}

pub(crate) fn io_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind as Io;
    match error.kind() {
        Io::ConnectionRefused => "connection refused".to_owned(),
        Io::ConnectionReset => "connection reset".to_owned(),
        Io::TimedOut => "timed out".to_owned(),
        Io::UnexpectedEof => "closed by the other side".to_owned(),
        Io::BrokenPipe => "closed by the other side".to_owned(),
        Io::NotFound => "no such file or directory".to_owned(),
        Io::PermissionDenied => "permission denied".to_owned(),
        Io::HostUnreachable => "host unreachable".to_owned(),
        Io::NetworkUnreachable => "network unreachable".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_lowercase()
        }
    }
}

/// Adds what a database error needs to become ours.
pub trait DbResult<T> {
    /// Maps with [`postgres`] or [`sqlite`].
    ///
    /// # Errors
    /// The same, as ours.
    fn db(self) -> Result<T>;
}

impl<T> DbResult<T> for std::result::Result<T, tokio_postgres::Error> {
    fn db(self) -> Result<T> {
        self.map_err(postgres)
    }
}

impl<T> DbResult<T> for std::result::Result<T, rusqlite::Error> {
    fn db(self) -> Result<T> {
        self.map_err(sqlite)
    }
}

/// Whether the server refused the login before any password was looked at, as
/// `pg_hba.conf` does for a connection with or without TLS.
pub(crate) fn is_hba_refusal(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        assert_eq!(byte_offset("select é, x", 8), 7);
        assert_eq!(byte_offset("select é, x", 9), 9);
        assert_eq!(byte_offset("ab", 99), 2);
        assert_eq!(byte_offset("ab", 0), 0);
    }

    #[test]
    fn the_sqlstate_says_what_to_do() {
        for (sqlstate, kind) in [
            ("55P03", ErrorKind::Blocked),
            ("40P01", ErrorKind::Blocked),
            ("40001", ErrorKind::Blocked),
            ("57014", ErrorKind::Conflict),
            ("53300", ErrorKind::Blocked),
            ("57P01", ErrorKind::Unreachable),
            ("57P02", ErrorKind::Unreachable),
            ("57P03", ErrorKind::Unreachable),
            ("08006", ErrorKind::Unreachable),
            ("57P05", ErrorKind::Interrupted),
            ("25P03", ErrorKind::Interrupted),
            ("28P01", ErrorKind::Invalid),
            ("28000", ErrorKind::Invalid),
            ("3D000", ErrorKind::Invalid),
            ("42501", ErrorKind::Invalid),
            ("25006", ErrorKind::Invalid),
            ("XX001", ErrorKind::Corrupt),
            ("23505", ErrorKind::Conflict),
            ("42P01", ErrorKind::Conflict),
            ("SQLITE_BUSY", ErrorKind::Blocked),
            ("SQLITE_BUSY_1", ErrorKind::Blocked),
            ("SQLITE_NOTADB", ErrorKind::Corrupt),
            ("SQLITE_READONLY_4", ErrorKind::Invalid),
            ("SQLITE_CONSTRAINT_8", ErrorKind::Conflict),
        ] {
            let failure = SqlFailure { sqlstate: sqlstate.to_owned(), ..SqlFailure::default() };
            assert_eq!(failure.kind(), kind, "{sqlstate}");
        }
    }

    #[test]
    fn sqlite_names_the_failing_token() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        let sql = "create table é (a int, b int, )";
        let failure = SqlFailure::from_sqlite(&db.execute_batch(sql).unwrap_err()).unwrap();
        assert_eq!(failure.sqlstate, "SQLITE_ERROR");
        let at = failure.position.unwrap();
        assert_eq!(&sql[at..], ")", "{failure:?}");
    }

    #[test]
    fn a_constraint_of_sqlite_is_a_conflict_with_its_message() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        db.execute_batch("create table t (a int unique); insert into t values (1)").unwrap();
        let error = sqlite(db.execute("insert into t values (1)", []).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.message(), "UNIQUE constraint failed: t.a");
    }
}
