//! A network that fails on request: a TCP proxy before a Postgres server.
//!
//! It runs on a thread of its own, so that tests with and without an async
//! runtime use it alike. Connections made before a fault suffer it too.
//!
//! Faults: [`delay`](Proxy::delay), [`cut`](Proxy::cut) (a reset),
//! [`refuse`](Proxy::refuse), [`black_hole`](Proxy::black_hole) (nothing
//! arrives, nobody is told), [`hold_replies`](Proxy::hold_replies) (the server
//! works, its answers do not arrive), and a [`Trap`] that cuts exactly before or
//! after the client sends certain bytes. [`restore`](Proxy::restore) ends them;
//! what was held back then arrives, as TCP delivers it after a partition.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use cofferdam::scratch::Address;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Pieces under way in one direction; a peer that is not read from stops sending.
const UNDER_WAY: usize = 64;

/// The server behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// A unix socket.
    Unix(PathBuf),
    /// A host and port.
    Tcp(String),
}

impl From<&Address> for Upstream {
    fn from(address: &Address) -> Self {
        Self::Unix(address.socket())
    }
}

/// Cuts all connections when the client sends certain bytes. Works once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trap {
    /// The server never gets to see the bytes.
    Before(Vec<u8>),
    /// The server gets them; its answer is lost. With `commit` this is the
    /// transaction of which the client cannot know whether it happened.
    After(Vec<u8>),
}

#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    delay: Duration,
    hold_requests: bool,
    hold_replies: bool,
    refuse: bool,
    /// Raised by every cut; a connection lives as long as the number that it began with.
    cuts: u64,
    closed: bool,
}

#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    trap: Mutex<Option<Trap>>,
    faults: watch::Sender<Faults>,
    accepted: AtomicUsize,
    /// Times that a client spoke after the server had.
    turns: AtomicUsize,
    /// Bytes of the server.
    answers: AtomicUsize,
    answered: AtomicBool,
}

/// A TCP proxy on a free port of 127.0.0.1; goes with the value.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy that forwards to `upstream`.
    pub fn start(upstream: impl Into<Upstream>) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket can be switched");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            upstream: upstream.into(),
            trap: Mutex::new(None),
            faults: watch::Sender::new(Faults::default()),
            accepted: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
            answered: AtomicBool::new(true),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(serve(listener, theirs));
        });
        Self { port, shared, thread: Some(thread) }
    }

    /// The port of 127.0.0.1 that clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How often clients have spoken after an answer so far: round trips, give or take the
    /// few in which both speak at once.
    pub fn turns(&self) -> usize {
        self.shared.turns.load(Ordering::SeqCst)
    }

    /// How many bytes servers have answered so far.
    pub fn answers(&self) -> usize {
        self.shared.answers.load(Ordering::SeqCst)
    }

    /// How many connections were accepted so far, refused ones included.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Lets every byte arrive this much later, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.shared.faults.send_modify(|faults| faults.delay = delay);
    }

    /// Resets all present connections; new ones are served.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Resets all present connections, and new ones as soon as they are made.
    pub fn refuse(&self) {
        self.shared.faults.send_modify(|faults| {
            faults.refuse = true;
            faults.cuts += 1;
        });
    }

    /// Accepts connections and forwards nothing, in either direction.
    pub fn black_hole(&self) {
        self.shared.faults.send_modify(|faults| {
            faults.hold_requests = true;
            faults.hold_replies = true;
        });
    }

    /// Forwards what clients send, and holds back what the server answers.
    pub fn hold_replies(&self) {
        self.shared.faults.send_modify(|faults| faults.hold_replies = true);
    }

    /// Sets a trap; it replaces one that has not sprung.
    pub fn trap(&self, trap: Trap) {
        *self.shared.trap.lock().unwrap_or_else(PoisonError::into_inner) = Some(trap);
    }

    /// Whether a trap is still set: false once it has sprung.
    pub fn trap_is_set(&self) -> bool {
        self.shared.trap.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Ends all faults. What was held back arrives now; what was cut stays cut.
    pub fn restore(&self) {
        self.shared.faults.send_modify(|faults| *faults = Faults { cuts: faults.cuts, ..Faults::default() });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.faults.send_modify(|faults| faults.closed = true);
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, has been printed; a second one here would hide it.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn cut(&self) {
        self.faults.send_modify(|faults| faults.cuts += 1);
    }

    /// Takes the trap if `sent`, the end of what the client has sent so far, contains its bytes.
    fn spring(&self, sent: &[u8]) -> Option<Trap> {
        let mut trap = self.trap.lock().unwrap_or_else(PoisonError::into_inner);
        let (Trap::Before(bytes) | Trap::After(bytes)) = trap.as_ref()?;
        sent.windows(bytes.len()).any(|window| window == bytes).then(|| trap.take())?
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listening socket");
    let mut faults = shared.faults.subscribe();
    loop {
        let client = tokio::select! {
            client = listener.accept() => client,
            _ = faults.wait_for(|faults| faults.closed) => return,
        };
        // A client that gave up before it was accepted is no concern of ours.
        let Ok((client, _)) = client else { continue };
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(connection(client, Arc::clone(&shared)));
    }
}

async fn connection(mut client: TcpStream, shared: Arc<Shared>) {
    let mut faults = shared.faults.subscribe();
    let now = *faults.borrow_and_update();
    let cut = faults.wait_for(|faults| faults.cuts != now.cuts || faults.closed);
    if now.refuse {
        let _ = client.set_zero_linger();
        return;
    }
    let forwarded = tokio::select! {
        end = forward(&mut client, &shared) => end,
        _ = cut => End::Cut,
    };
    if forwarded == End::Cut {
        // Without lingering a close is a reset, as from a crashed machine or a firewall.
        let _ = client.set_zero_linger();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Both sides have said all they wanted.
    Closed,
    Cut,
}

async fn forward(client: &mut TcpStream, shared: &Shared) -> End {
    // In a black hole the handshake succeeds (the kernel does it) and nothing follows.
    let mut faults = shared.faults.subscribe();
    if faults.wait_for(|faults| !faults.hold_requests).await.is_err() {
        return End::Closed;
    }
    let _ = client.set_nodelay(true);
    let (from_client, to_client) = client.split();
    match &shared.upstream {
        Upstream::Unix(path) => match UnixStream::connect(path).await {
            Ok(mut server) => {
                let (from_server, to_server) = server.split();
                exchange(from_client, to_client, from_server, to_server, shared).await
            }
            Err(_) => End::Cut,
        },
        Upstream::Tcp(place) => match TcpStream::connect(place).await {
            Ok(mut server) => {
                let _ = server.set_nodelay(true);
                let (from_server, to_server) = server.split();
                exchange(from_client, to_client, from_server, to_server, shared).await
            }
            Err(_) => End::Cut,
        },
    }
}

async fn exchange(
    from_client: impl AsyncRead + Unpin,
    to_client: impl AsyncWrite + Unpin,
    from_server: impl AsyncRead + Unpin,
    to_server: impl AsyncWrite + Unpin,
    shared: &Shared,
) -> End {
    let requests = pump(from_client, to_server, Direction::Requests, shared);
    let replies = pump(from_server, to_client, Direction::Replies, shared);
    tokio::pin!(requests, replies);
    let (first, other_is_requests) = tokio::select! {
        end = &mut requests => (end, false),
        end = &mut replies => (end, true),
    };
    match first {
        End::Cut => End::Cut,
        End::Closed if other_is_requests => requests.await,
        End::Closed => replies.await,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Replies,
}

impl Direction {
    fn held(self, faults: &Faults) -> bool {
        match self {
            Self::Requests => faults.hold_requests,
            Self::Replies => faults.hold_replies,
        }
    }
}

struct Piece {
    arrived: Instant,
    bytes: Vec<u8>,
    /// Cut the connection when these bytes have been passed on.
    last: bool,
}

/// Moves one direction's bytes until its sender closes.
async fn pump(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    direction: Direction,
    shared: &Shared,
) -> End {
    let (sender, receiver) = mpsc::channel(UNDER_WAY);
    let (read, written) =
        tokio::join!(collect(from, sender, direction, shared), deliver(to, receiver, direction, shared));
    if read == End::Cut || written == End::Cut { End::Cut } else { End::Closed }
}

async fn collect(
    mut from: impl AsyncRead + Unpin,
    pieces: mpsc::Sender<Piece>,
    direction: Direction,
    shared: &Shared,
) -> End {
    // What the client sent lately: a trap's bytes may come in two pieces.
    let mut recent = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = match from.read(&mut buffer).await {
            Ok(0) => return End::Closed,
            Ok(length) => length,
            Err(_) => return End::Cut,
        };
        let bytes = &buffer[..length];
        let mut last = false;
        if direction == Direction::Replies {
            shared.answered.store(true, Ordering::SeqCst);
            shared.answers.fetch_add(length, Ordering::SeqCst);
        } else if shared.answered.swap(false, Ordering::SeqCst) {
            shared.turns.fetch_add(1, Ordering::SeqCst);
        }
        if direction == Direction::Requests {
            recent.extend_from_slice(bytes);
            match shared.spring(&recent) {
                Some(Trap::Before(_)) => {
                    shared.cut();
                    return End::Cut;
                }
                Some(Trap::After(_)) => last = true,
                None => {}
            }
            recent.drain(..recent.len().saturating_sub(1024));
        }
        let piece = Piece { arrived: Instant::now(), bytes: bytes.to_vec(), last };
        if pieces.send(piece).await.is_err() {
            return End::Closed;
        }
    }
}

async fn deliver(
    mut to: impl AsyncWrite + Unpin,
    mut pieces: mpsc::Receiver<Piece>,
    direction: Direction,
    shared: &Shared,
) -> End {
    let mut faults = shared.faults.subscribe();
    while let Some(piece) = pieces.recv().await {
        let delay = faults.borrow().delay;
        tokio::time::sleep_until(piece.arrived + delay).await;
        if faults.wait_for(|faults| !direction.held(faults)).await.is_err()
            || to.write_all(&piece.bytes).await.is_err()
        {
            return End::Cut;
        }
        if piece.last {
            shared.cut();
            return End::Cut;
        }
    }
    // The other side is told that no more comes, and may still answer.
    let _ = to.shutdown().await;
    End::Closed
}
