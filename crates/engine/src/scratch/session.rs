//! The least of a Postgres client: a session over a local socket that runs SQL text.
//!
//! A scratch server has to be waited for, given databases and dropped from
//! places that have no async runtime (`Drop` among them). The protocol's start
//! and its simple query are all that this takes; everything else talks to the
//! server through the real client.
//!
//! Source: PostgreSQL documentation, "Message Formats" and "Message Flow".

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use cofferdam_analysis::{Error, Result};

/// Version 3.0 of the protocol, as the startup message spells it.
const PROTOCOL: u32 = 3 << 16;
/// Far above what an answer of a scratch server holds; a longer one means that we lost our place.
const LONGEST_MESSAGE: usize = 64 << 20;

/// One row of an answer, in the server's text format; `None` is null.
pub type Row = Vec<Option<String>>;

/// A session of a superuser over a trusted local socket.
#[derive(Debug)]
pub struct Session {
    stream: UnixStream,
}

impl Session {
    /// Connects to `database` as `user` through the socket file.
    ///
    /// # Errors
    /// Unreachable when nobody answers within `patience`, or while the server
    /// still starts; Conflict when it says no (no such database).
    pub fn connect(socket: &Path, user: &str, database: &str, patience: Duration) -> Result<Self> {
        let lost =
            |e: std::io::Error| Error::unreachable(format!("connect to {}: {e}", socket.display())).source(e);
        let stream = UnixStream::connect(socket).map_err(lost)?;
        stream.set_read_timeout(Some(patience)).map_err(lost)?;
        let mut session = Self { stream };
        let mut body = PROTOCOL.to_be_bytes().to_vec();
        for word in ["user", user, "database", database, ""] {
            body.extend_from_slice(word.as_bytes());
            body.push(0);
        }
        session.send(None, &body)?;
        session.answer()?;
        // Statements may take as long as they like.
        session.stream.set_read_timeout(None).map_err(lost)?;
        Ok(session)
    }

    /// Runs `sql`, one or more statements, and returns the rows of all of them.
    ///
    /// # Errors
    /// Conflict with the server's message when a statement fails;
    /// Unreachable when the server goes away.
    pub fn run(&mut self, sql: &str) -> Result<Vec<Row>> {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.send(Some(b'Q'), &body)?;
        self.answer()
    }

    fn send(&mut self, tag: Option<u8>, body: &[u8]) -> Result<()> {
        let length = u32::try_from(body.len() + 4)
            .map_err(|_| Error::invalid("a text of more than 4 GB in one message"))?;
        let mut message = Vec::with_capacity(body.len() + 5);
        message.extend(tag);
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        self.stream.write_all(&message).map_err(gone)
    }

    /// Reads up to the server's "ready for query": the rows, or the first error.
    fn answer(&mut self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            let (tag, body) = self.message().map_err(|lost| failure.take().unwrap_or(lost))?;
            match tag {
                b'Z' => return failure.map_or(Ok(rows), Err),
                b'E' => failure = failure.or_else(|| Some(complaint(&body))),
                b'D' => rows.push(row(&body).ok_or_else(damaged)?),
                b'R' if body.get(..4) != Some([0; 4].as_slice()) => {
                    return Err(Error::invalid("the scratch server asks for a password on its own socket"));
                }
                // COPY FROM STDIN would wait for data that never comes.
                b'G' => {
                    self.send(Some(b'f'), b"no data in this session\0")?;
                }
                // Parameters, notices, row descriptions, command tags: nobody asked.
                _ => {}
            }
        }
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).map_err(gone)?;
        let [tag, length @ ..] = head;
        let length = (u32::from_be_bytes(length) as usize).checked_sub(4).ok_or_else(damaged)?;
        if length > LONGEST_MESSAGE {
            return Err(damaged());
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).map_err(gone)?;
        Ok((tag, body))
    }
}

fn gone(e: std::io::Error) -> Error {
    Error::unreachable(format!("the scratch server does not answer: {e}")).source(e)
}

fn damaged() -> Error {
    Error::bug("the scratch server's answer is not the protocol that we know")
}

/// A data row: a count, then each value as its length (-1 for null) and its bytes.
fn row(body: &[u8]) -> Option<Row> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut row = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = i32::from_be_bytes(*length);
        let Ok(length) = usize::try_from(length) else {
            row.push(None);
            rest = after;
            continue;
        };
        let (value, after) = after.split_at_checked(length)?;
        row.push(Some(String::from_utf8_lossy(value).into_owned()));
        rest = after;
    }
    Some(row)
}

/// An error response: fields of one letter and a text each.
fn complaint(body: &[u8]) -> Error {
    let field = |letter: u8| {
        let text = body.split(|&byte| byte == 0).find_map(|field| field.strip_prefix(&[letter]));
        text.map(|text| String::from_utf8_lossy(text).into_owned())
    };
    let message = field(b'M').unwrap_or_else(|| "the server gave no reason".to_owned());
    // 57P03 cannot_connect_now: it starts, stops or recovers.
    let starting = field(b'C').as_deref() == Some("57P03");
    let mut error = if starting { Error::unreachable(message) } else { Error::conflict(message) };
    if let Some(detail) = field(b'D') {
        error = error.detail(detail);
    }
    match field(b'H') {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_analysis::ErrorKind;

    #[test]
    fn a_row_keeps_nulls_apart_from_empty_text() {
        let body = b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(row(body), Some(vec![Some("ab".to_owned()), None, Some(String::new())]));
    }

    #[test]
    fn a_truncated_row_is_not_taken_for_a_shorter_one() {
        assert_eq!(row(b"\0\x02\0\0\0\x02ab"), None);
        assert_eq!(row(b"\0\x01\0\0\0\x05ab"), None);
    }

    #[test]
    fn a_server_that_still_starts_is_unreachable_and_a_refusal_is_a_conflict() {
        let starting = complaint(b"SFATAL\0C57P03\0Mthe database system is starting up\0\0");
        assert_eq!(starting.kind(), ErrorKind::Unreachable);
        let refusal = complaint(b"SERROR\0C42P04\0Mdatabase \"a\" already exists\0Dd\0Hh\0\0");
        assert_eq!(refusal.kind(), ErrorKind::Conflict);
        assert_eq!(refusal.message(), "database \"a\" already exists");
        assert_eq!((refusal.details(), refusal.hint_text()), (["d".to_owned()].as_slice(), Some("h")));
    }
}
