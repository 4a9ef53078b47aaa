//! One scratch server: start, stop, crash, restart.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cofferdam_analysis::{Error, ErrorKind, Result};

use super::account::Account;
use super::address::{START_PATIENCE, USER, encode};
use super::supervisor::{Order, Site, Supervisor};
use super::{Address, Binaries, Row, Settings};

/// The port that names the socket file; nobody listens on it.
const SOCKET_PORT: u16 = 5432;
/// The kernel's limit for the path of a unix socket is 104 bytes (macOS) or 108, ending zero included.
const LONGEST_SOCKET_PATH: usize = 103;
/// How often a starting server is asked. A refused connection costs microseconds.
const ASK_AGAIN: Duration = Duration::from_millis(5);
/// Another program may take the port that we found free; then another is tried.
const PORT_ATTEMPTS: usize = 5;

/// How to stop a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Ends all sessions, writes a checkpoint.
    Fast,
    /// Ends all processes without a checkpoint; the next start recovers.
    Immediate,
}

/// A Postgres server of our own; see the [module](super).
#[derive(Debug)]
pub struct Cluster {
    major: u32,
    directory: PathBuf,
    address: Address,
    tcp: Option<Tcp>,
    supervisor: Mutex<Supervisor>,
}

#[derive(Debug)]
struct Tcp {
    port: u16,
    password: String,
}

/// A server that goes on after the program; see [`Cluster::leave_running`].
#[derive(Debug, Clone)]
pub struct LeftRunning {
    /// Everything of the cluster: remove it after the server was stopped.
    pub directory: PathBuf,
    /// The server's first process. Signal INT stops it.
    pub pid: u32,
    /// Where it is reached.
    pub address: Address,
}

impl Cluster {
    /// Makes a cluster and starts its server; returns when it accepts connections.
    ///
    /// # Errors
    /// Invalid when no ordinary user can run the binaries, or `initdb` or the
    /// server refuse the settings; the last lines of the log are in the details.
    pub fn start(binaries: &Binaries, settings: &Settings) -> Result<Self> {
        let doing = |e: Error| e.while_(format!("start a scratch Postgres {}", binaries.major()));
        let mut attempt = 1;
        loop {
            match Self::start_once(binaries, settings) {
                Err(e) if settings.tcp && attempt < PORT_ATTEMPTS && port_was_taken(&e) => attempt += 1,
                result => return result.map_err(doing),
            }
        }
    }

    fn start_once(binaries: &Binaries, settings: &Settings) -> Result<Self> {
        let account = Account::able_to_run(&binaries.directory().join("postgres"))?;
        let tcp = if settings.tcp { Some(Tcp { port: free_port()?, password: password()? }) } else { None };
        let port = tcp.as_ref().map_or(SOCKET_PORT, |tcp| tcp.port);
        let directory = create_directory(&settings.base)?;
        // From here on the directory is removed by the supervisor, or by us if there is none.
        let started = account.own(&directory).and_then(|()| {
            let site = Site {
                directory: &directory,
                binaries: binaries.directory(),
                template: settings.template.as_deref(),
                settings: &settings.configuration(&directory, port),
                authentication: HOST_BASED_AUTHENTICATION,
            };
            Supervisor::start(account, &site)
        });
        let supervisor = match started {
            Ok(supervisor) => Mutex::new(supervisor),
            Err(e) => {
                let _ = fs::remove_dir(&directory);
                return Err(e);
            }
        };
        let address = Address::new(&directory, port);
        let cluster = Self { major: binaries.major(), directory, address, tcp, supervisor };
        if cluster.supervisor().order(Order::Create)? != "created" {
            return Err(cluster.with_log(Error::invalid("the data directory could not be made")));
        }
        cluster.start_again()?;
        if let Some(tcp) = &cluster.tcp {
            // The password is 32 hexadecimal digits of our own making.
            cluster.address.run(USER, &format!("alter role {USER} password '{}'", tcp.password))?;
        }
        Ok(cluster)
    }

    /// The major version of the server.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Where the server is reached.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The connection URL of `database` for the superuser, over the socket.
    pub fn url(&self, database: &str) -> String {
        self.address.url(database)
    }

    /// The connection URL over 127.0.0.1, password included, when the
    /// [`Settings`] ask for a port.
    pub fn tcp_url(&self, database: &str) -> Option<String> {
        let Tcp { port, password } = self.tcp.as_ref()?;
        Some(format!("postgres://{USER}:{password}@127.0.0.1:{port}/{}", encode(database)))
    }

    /// The directory of the server's files, as `PGDATA`.
    pub fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// What the server wrote to its log so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.directory.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The process id of the server's first process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.supervisor().server()
    }

    /// Creates an empty database and returns its URL.
    ///
    /// # Errors
    /// Conflict when it exists already.
    pub fn create_database(&self, database: &str) -> Result<String> {
        self.address.create_database(database)
    }

    /// Runs SQL text in `database` in a session of its own and returns its rows.
    ///
    /// # Errors
    /// Conflict with the server's message; Unreachable when it does not answer.
    pub fn run(&self, database: &str, sql: &str) -> Result<Vec<Row>> {
        self.address.run(database, sql)
    }

    /// Stops the server; its files stay until the cluster is dropped.
    ///
    /// # Errors
    /// Conflict when it cannot be stopped.
    pub fn stop(&self, mode: StopMode) -> Result<()> {
        let order = match mode {
            StopMode::Fast => Order::StopFast,
            StopMode::Immediate => Order::StopImmediate,
        };
        self.supervisor().order(order).map(drop)
    }

    /// Kills all processes of the server with SIGKILL: a crash. Returns when they are dead.
    ///
    /// # Errors
    /// Conflict when they do not die.
    pub fn kill_server(&self) -> Result<()> {
        self.supervisor().order(Order::Kill).map(drop)
    }

    /// Starts the stopped or killed server and waits until it accepts connections.
    ///
    /// # Errors
    /// Invalid with the end of the log when the server ends instead.
    pub fn start_again(&self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        self.supervisor().order(Order::Start)?;
        loop {
            let last = match self.address.session(USER) {
                Ok(_) => return Ok(()),
                Err(e) => e,
            };
            if self.supervisor().order(Order::Look)? == "ended" {
                // The kernel may take a moment to give back what a killed server held.
                if self.log_end().contains("still in use") && Instant::now() < deadline {
                    self.supervisor().order(Order::Start)?;
                } else {
                    return Err(self.with_log(Error::invalid("the server ended while it started")));
                }
            } else if last.kind() != ErrorKind::Unreachable || Instant::now() >= deadline {
                return Err(self.with_log(last));
            }
            pause();
        }
    }

    /// Stops the server and starts it again.
    ///
    /// # Errors
    /// As [`stop`](Self::stop) and [`start_again`](Self::start_again).
    pub fn restart(&self, mode: StopMode) -> Result<()> {
        self.stop(mode)?;
        self.start_again()
    }

    /// Lets go of the server: it runs on after the program, and its files stay.
    ///
    /// # Errors
    /// Conflict when the server does not run.
    pub fn leave_running(self) -> Result<LeftRunning> {
        let Some(pid) = self.pid() else {
            return Err(Error::conflict("the scratch server does not run"));
        };
        self.supervisor().order(Order::Leave)?;
        Ok(LeftRunning { directory: self.directory, pid, address: self.address })
    }

    fn supervisor(&self) -> MutexGuard<'_, Supervisor> {
        // A panic while it was held leaves at worst an answer unread; the pipe still works.
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last lines of the log, where the reason of a failure stands.
    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    fn with_log(&self, error: Error) -> Error {
        self.log_end().lines().fold(error, |error, line| error.detail(line))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a starting server tells nobody when it is ready; callers run us on a thread of their own"
)]
fn pause() {
    std::thread::sleep(ASK_AGAIN);
}

/// Whoever may open the socket is the superuser; the network needs a password.
const HOST_BASED_AUTHENTICATION: &str = "\
local all all trust
local replication all trust
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
";

fn port_was_taken(error: &Error) -> bool {
    error.details().iter().any(|line| line.contains("Address already in use"))
}

fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| Error::invalid(format!("find a free port of 127.0.0.1: {e}")).source(e))
}

/// 32 hexadecimal digits from the kernel.
fn password() -> Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|e| Error::invalid(format!("read /dev/urandom: {e}")).source(e))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Makes a new directory under `base` that only its owner can enter.
fn create_directory(base: &Path) -> Result<PathBuf> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let refuse = |e: std::io::Error| {
        Error::invalid(format!("make a directory under {}: {e}", base.display())).source(e)
    };
    let base = base.canonicalize().map_err(refuse)?;
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let directory = base.join(format!("cofferdam-{}-{number}", std::process::id()));
        if directory.as_os_str().len() + ".s.PGSQL.65535".len() + 1 > LONGEST_SOCKET_PATH {
            return Err(Error::invalid(format!("a socket in {} has too long a path", base.display()))
                .hint("choose a directory with a shorter name"));
        }
        match fs::DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => return Ok(directory),
            // Left by a killed program whose process id came round again.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(refuse(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_whose_sockets_would_not_work_is_refused() {
        let base = tempfile::tempdir().expect("a temporary directory");
        let deep = base.path().join("d".repeat(90));
        fs::create_dir(&deep).expect("a directory");
        let error = create_directory(&deep).expect_err("too long");
        assert!(error.message().contains("too long a path"), "{error}");
    }

    #[test]
    fn two_directories_are_never_the_same() {
        let base = tempfile::tempdir().expect("a temporary directory");
        let first = create_directory(base.path()).expect("a directory");
        assert_ne!(first, create_directory(base.path()).expect("a directory"));
    }
}
