//! Whether a connection pooler stands between us and the server.
//!
//! Behind a transaction pooler each transaction may run on another server
//! session: session settings, advisory locks, a lease's backend and statements
//! outside transactions lose their meaning. So its presence must be known.
//!
//! The surest sign needs no question: at the login a server names its process
//! for later cancel requests, and a pooler names one of its own making. When
//! that number is not `pg_backend_pid()`, something stands between. A pooler in
//! session mode gives the same sign and cannot be told apart.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio_postgres::Client;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use crate::db::url::{Host, PostgresTarget};

/// A pooler that showed itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pooler {
    /// Which one, as far as can be told.
    pub kind: PoolerKind,
    /// How it showed, as a sentence.
    pub evidence: String,
}

/// The poolers whose marks are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolerKind {
    /// The URL says so (`pgbouncer=true`).
    Declared,
    /// Supabase's, by its host name.
    Supavisor,
    /// Neon's, by its host name.
    Neon,
    /// Some other.
    Unknown,
}

/// Judges from the URL, the pid announced at the login and the real one.
pub(crate) fn detect(
    target: &PostgresTarget,
    host: &Host,
    announced: Option<i32>,
    backend: i32,
) -> Option<Pooler> {
    let by_name = match host {
        Host::Tcp(name) => by_host_name(&name.to_ascii_lowercase()),
        Host::Unix(_) => None,
    };
    if target.declares_pooler() {
        return Some(Pooler {
            kind: PoolerKind::Declared,
            evidence: "the URL says pgbouncer=true".to_owned(),
        });
    }
    if let Some(announced) = announced.filter(|announced| *announced != backend) {
        return Some(Pooler {
            kind: by_name.unwrap_or(PoolerKind::Unknown),
            evidence: format!("the login announced process {announced}, but process {backend} answers"),
        });
    }
    // The name alone speaks when the announced number could not be read.
    by_name
        .filter(|_| announced.is_none())
        .map(|kind| Pooler { kind, evidence: "the host's name is that of a pooler".to_owned() })
}

fn by_host_name(name: &str) -> Option<PoolerKind> {
    if name.ends_with(".pooler.supabase.com") {
        return Some(PoolerKind::Supavisor);
    }
    let first = name.split('.').next().unwrap_or_default();
    (name.ends_with(".neon.tech") && first.ends_with("-pooler")).then_some(PoolerKind::Neon)
}

const CANCEL_REQUEST: u32 = 80_877_102;
const TLS_REQUEST: u32 = 80_877_103;

/// The process number announced at the login.
///
/// The client keeps it private but writes it into a cancel request, so one is
/// written to a pipe that leads nowhere and read back.
pub(crate) async fn announced_pid(client: &Client) -> Option<i32> {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let token = client.cancel_token();
    let send = async move {
        // What follows the request (a shutdown of the pipe) is of no interest.
        let _ = token.cancel_query_raw(ours, Unencrypted).await;
    };
    let read = async move {
        loop {
            let length = theirs.read_u32().await.ok()?;
            let code = theirs.read_u32().await.ok()?;
            match (length, code) {
                (8, TLS_REQUEST) => theirs.write_all(b"S").await.ok()?,
                (16, CANCEL_REQUEST) => return theirs.read_i32().await.ok(),
                _ => return None,
            }
        }
    };
    let ((), pid) = tokio::join!(send, read);
    pid
}

/// "TLS" over the pipe: the bytes themselves.
struct Unencrypted;

impl TlsConnect<DuplexStream> for Unencrypted {
    type Stream = Pipe;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Pipe>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        std::future::ready(Ok(Pipe(stream)))
    }
}

struct Pipe(DuplexStream);

impl TlsStream for Pipe {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_process_number_gives_a_pooler_away() {
        let target = PostgresTarget::default();
        let plain = Host::Tcp("localhost".to_owned());
        assert_eq!(detect(&target, &plain, Some(7), 7), None);
        assert_eq!(detect(&target, &plain, None, 7), None);
        let found = detect(&target, &plain, Some(8), 7).unwrap();
        assert_eq!(found.kind, PoolerKind::Unknown);
        assert_eq!(found.evidence, "the login announced process 8, but process 7 answers");
    }

    #[test]
    fn known_names_give_a_pooler_its_kind() {
        let target = PostgresTarget::default();
        let kind = |name: &str| detect(&target, &Host::Tcp(name.to_owned()), None, 7).map(|found| found.kind);
        assert_eq!(kind("aws-0-eu.pooler.supabase.com"), Some(PoolerKind::Supavisor));
        assert_eq!(kind("ep-blue-1-pooler.eu-central-1.aws.neon.tech"), Some(PoolerKind::Neon));
        assert_eq!(kind("ep-blue-1.eu-central-1.aws.neon.tech"), None);
        // Supabase's direct host, whose login names the real process.
        assert_eq!(detect(&target, &Host::Tcp("x.pooler.supabase.com".to_owned()), Some(7), 7), None);
    }
}
