//! Clients that write, count what was acknowledged, and measure how long it took.
//!
//! Every write carries its client's number and a serial number, so that after
//! the test the database can be asked for each of them: none that was
//! acknowledged may be missing, none may be there that nobody sent. A write
//! whose answer never came is *in doubt*: it may be there or not.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

/// How long a write under way may still take when the workload stops.
const GRACE: Duration = Duration::from_secs(5);
/// How long a test waits for writes before it fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon a client whose connection was lost tries again.
const RECONNECT: Duration = Duration::from_millis(10);

/// What clients write, and how it is found again.
#[derive(Debug, Clone)]
pub struct Plan {
    url: String,
    clients: i32,
    pace: Duration,
    write: String,
    written: String,
}

impl Plan {
    /// Writes into tables of the workload's own, which are created now: a row
    /// per write, and a counter per client that must agree with the rows.
    ///
    /// # Panics
    /// When the database cannot be reached or the tables exist.
    pub fn own_tables(database: &crate::postgres::Database, clients: i32) -> Self {
        database.psql(&format!(
            "create table workload (client int, n bigint, primary key (client, n));
             create table workload_counter (client int primary key, n bigint not null);
             insert into workload_counter select client, 0 from generate_series(1, {clients}) client"
        ));
        Self::new(
            database.url(),
            clients,
            "with row as (insert into workload values ($1, $2))
             update workload_counter set n = n + 1 where client = $1",
            // A counter that disagrees shows up as a row that nobody wrote.
            "select n from workload where client = $1
             union all select -1::bigint from workload_counter c where client = $1
                and n <> (select count(*) from workload w where w.client = c.client)",
        )
    }

    /// Writes with `write`, where `$1` is the client's number (int4, from 1) and
    /// `$2` the write's (int8); `written` returns the numbers (int8) of the
    /// client `$1` that the database holds.
    pub fn new(
        url: impl Into<String>,
        clients: i32,
        write: impl Into<String>,
        written: impl Into<String>,
    ) -> Self {
        let pace = Duration::from_millis(1);
        Self { url: url.into(), clients, pace, write: write.into(), written: written.into() }
    }

    /// Another way to the same database, such as a proxy's URL.
    #[must_use]
    pub fn through(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// How long a client rests between writes; a millisecond unless told.
    #[must_use]
    pub fn pace(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }

    /// Starts the clients; returns when each has had a write acknowledged.
    ///
    /// # Panics
    /// When that takes longer than a minute.
    pub fn start(self) -> Workload {
        let book = Arc::new(Book::default());
        let stop = watch::Sender::new(false);
        let (plan, pages, stopped) = (self.clone(), Arc::clone(&book), stop.subscribe());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(run(plan, pages, stopped));
        });
        let workload = Workload { plan: self, book, stop, thread: Some(thread) };
        let clients = workload.plan.clients;
        workload.wait_until(|tally| {
            let busy = tally.clients.iter().filter(|client| !client.acknowledged.is_empty()).count();
            i32::try_from(busy) == Ok(clients)
        });
        workload
    }
}

/// What one client knows about its writes.
#[derive(Debug, Clone, Default)]
struct Numbers {
    acknowledged: BTreeSet<i64>,
    in_doubt: BTreeSet<i64>,
}

#[derive(Debug, Default)]
struct Tally {
    clients: Vec<Numbers>,
    latencies: Vec<Duration>,
    /// Where the present lap began in `latencies`, and how many errors there were.
    lap: (usize, usize),
    errors: usize,
    first_error: Option<String>,
}

#[derive(Debug, Default)]
struct Book {
    tally: Mutex<Tally>,
    changed: Condvar,
}

impl Book {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, entry: impl FnOnce(&mut Tally)) {
        entry(&mut self.tally());
        self.changed.notify_all();
    }
}

/// Clients that write until they are told to stop.
#[derive(Debug)]
pub struct Workload {
    plan: Plan,
    book: Arc<Book>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Workload {
    /// Waits until `more` further writes have been acknowledged.
    ///
    /// # Panics
    /// When that takes longer than a minute.
    pub fn wait_for(&self, more: usize) {
        let goal = self.book.tally().latencies.len() + more;
        self.wait_until(|tally| tally.latencies.len() >= goal);
    }

    /// Waits until a write has failed.
    ///
    /// # Panics
    /// When none fails within a minute.
    pub fn wait_for_error(&self) {
        self.wait_until(|tally| tally.errors > 0);
    }

    fn wait_until(&self, reached: impl Fn(&Tally) -> bool) {
        let waited =
            self.book.changed.wait_timeout_while(self.book.tally(), PATIENCE, |tally| !reached(tally));
        let (tally, time) = waited.unwrap_or_else(PoisonError::into_inner);
        if time.timed_out() {
            let (writes, errors, first) = (tally.latencies.len(), tally.errors, tally.first_error.clone());
            drop(tally);
            panic!("the workload stands still: {writes} writes, {errors} errors, the first: {first:?}");
        }
    }

    /// The figures since the last call, or since the start.
    pub fn lap(&self) -> Figures {
        let mut tally = self.book.tally();
        let (latencies, errors) = tally.lap;
        let figures = Figures::of(&tally.latencies[latencies..], tally.errors - errors);
        tally.lap = (tally.latencies.len(), tally.errors);
        figures
    }

    /// Stops the clients. A write that is under way may still finish; one that
    /// does not is in doubt.
    pub fn stop(mut self) -> Report {
        self.finish();
        let tally = self.book.tally();
        Report {
            figures: Figures::of(&tally.latencies, tally.errors),
            first_error: tally.first_error.clone(),
            clients: tally.clients.clone(),
            written: self.plan.written.clone(),
        }
    }

    fn finish(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, has been printed; a second one in `drop` would abort.
            let _ = thread.join();
        }
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Counts and latencies of a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Writes that the server acknowledged.
    pub writes: usize,
    /// Writes that failed or whose answer never came.
    pub errors: usize,
    /// Half of the acknowledged writes were at least as fast.
    pub p50: Duration,
    /// 99 of 100 were at least as fast.
    pub p99: Duration,
    /// The slowest.
    pub max: Duration,
}

impl Figures {
    fn of(latencies: &[Duration], errors: usize) -> Self {
        let mut sorted = latencies.to_vec();
        sorted.sort_unstable();
        // Nearest rank: the smallest value with at least that share at or below it.
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { writes: sorted.len(), errors, p50: at(50), p99: at(99), max: at(100) }
    }
}

/// What a workload did.
#[derive(Debug, Clone)]
pub struct Report {
    /// Over the whole time.
    pub figures: Figures,
    /// What the first failed write was told.
    pub first_error: Option<String>,
    clients: Vec<Numbers>,
    written: String,
}

impl Report {
    /// Writes whose answer never came.
    pub fn in_doubt(&self) -> usize {
        self.clients.iter().map(|client| client.in_doubt.len()).sum()
    }

    /// Asks `database` for every write.
    ///
    /// # Panics
    /// When one that was acknowledged is missing, or one is there twice or was never sent.
    #[track_caller]
    pub fn verify(&self, database: &crate::postgres::Database) {
        let wrong = self.disagreements(database);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// What [`verify`](Self::verify) would complain about, a line for each client.
    pub fn disagreements(&self, database: &crate::postgres::Database) -> Vec<String> {
        let check = |(client, known): (i32, &Numbers)| {
            let sql = self.written.replace("$1", &client.to_string());
            let rows = database.rows(&sql);
            let found: Vec<i64> = rows
                .iter()
                .map(|row| row[0].as_deref().and_then(|n| n.parse().ok()).expect("`written` returns int8"))
                .collect();
            known.disagreement(client, &found)
        };
        (1..).zip(&self.clients).filter_map(check).collect()
    }
}

impl Numbers {
    fn disagreement(&self, client: i32, found: &[i64]) -> Option<String> {
        let set: BTreeSet<i64> = found.iter().copied().collect();
        let lost: Vec<i64> = self.acknowledged.difference(&set).copied().collect();
        let known = |n: &i64| self.acknowledged.contains(n) || self.in_doubt.contains(n);
        let strange: Vec<i64> = set.iter().copied().filter(|n| !known(n)).collect();
        let twice = found.len() - set.len();
        if lost.is_empty() && strange.is_empty() && twice == 0 {
            return None;
        }
        Some(format!(
            "client {client}: {} writes lost {:?}, {} that nobody sent {:?}, {twice} there twice",
            lost.len(),
            &lost[..lost.len().min(5)],
            strange.len(),
            &strange[..strange.len().min(5)],
        ))
    }
}

async fn run(plan: Plan, book: Arc<Book>, stop: watch::Receiver<bool>) {
    let clients = usize::try_from(plan.clients).expect("a number of clients");
    book.write(|tally| tally.clients.resize(clients, Numbers::default()));
    let mut tasks = tokio::task::JoinSet::new();
    for client in 1..=plan.clients {
        let writer = Writer { client, plan: plan.clone(), book: Arc::clone(&book), next: 1 };
        tasks.spawn(writer.run(stop.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

struct Writer {
    client: i32,
    plan: Plan,
    book: Arc<Book>,
    /// The number of the next write. A number is used once, whatever becomes of it.
    next: i64,
}

impl Writer {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let connected = tokio::select! {
                connected = self.connect() => connected,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match connected {
                Ok((connection, statement)) => self.write(&connection, &statement, &mut stop).await,
                Err(e) => {
                    self.note_error(&e);
                    tokio::time::sleep(RECONNECT).await;
                }
            }
        }
    }

    async fn connect(&self) -> Result<(Client, Statement), tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.plan.url, NoTls).await?;
        tokio::spawn(connection);
        let statement = client.prepare(&self.plan.write).await?;
        Ok((client, statement))
    }

    /// Writes until the connection is lost or the workload stops.
    async fn write(&mut self, connection: &Client, statement: &Statement, stop: &mut watch::Receiver<bool>) {
        while !*stop.borrow() && !connection.is_closed() {
            let number = self.next;
            self.next += 1;
            let began = Instant::now();
            // In doubt until the answer comes, so that even an aborted client leaves the truth behind.
            self.enter(|numbers| _ = numbers.in_doubt.insert(number));
            let given_up = async {
                // The other end lives in `Workload`, which waits for us.
                let _ = stop.wait_for(|stop| *stop).await;
                tokio::time::sleep(GRACE).await;
            };
            let values: [&(dyn ToSql + Sync); 2] = [&self.client, &number];
            let result = tokio::select! {
                result = connection.execute(statement, &values) => result,
                () = given_up => return,
            };
            match result {
                Ok(_) => self.acknowledge(number, began.elapsed()),
                Err(e) => {
                    // Only an error that left the session alive proves that nothing was written.
                    if e.as_db_error().is_some_and(|e| e.severity() == "ERROR") {
                        self.enter(|numbers| _ = numbers.in_doubt.remove(&number));
                    }
                    self.note_error(&e);
                }
            }
            tokio::time::sleep(self.plan.pace).await;
        }
    }

    fn enter(&self, entry: impl FnOnce(&mut Numbers)) {
        let index = usize::try_from(self.client - 1).expect("clients count from 1");
        self.book.write(|tally| entry(&mut tally.clients[index]));
    }

    fn acknowledge(&self, number: i64, latency: Duration) {
        self.enter(|numbers| {
            numbers.in_doubt.remove(&number);
            numbers.acknowledged.insert(number);
        });
        self.book.write(|tally| tally.latencies.push(latency));
    }

    fn note_error(&self, error: &tokio_postgres::Error) {
        let text = error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned());
        self.book.write(|tally| {
            tally.errors += 1;
            tally.first_error.get_or_insert(text);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let latencies: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        let figures = Figures::of(&latencies, 3);
        let millis = Duration::from_millis;
        assert_eq!(
            figures,
            Figures { writes: 200, errors: 3, p50: millis(100), p99: millis(198), max: millis(200) }
        );
        assert_eq!(Figures::of(&[], 0).p99, Duration::ZERO);
        assert_eq!(Figures::of(&[millis(7)], 0).p50, millis(7));
    }

    #[test]
    fn a_lost_a_strange_and_a_repeated_write_are_each_told() {
        let known = Numbers { acknowledged: [1, 2].into(), in_doubt: [3].into() };
        assert_eq!(known.disagreement(1, &[1, 2]), None);
        assert_eq!(known.disagreement(1, &[1, 2, 3]), None);
        let told = |found: &[i64]| known.disagreement(1, found).unwrap_or_default();
        assert!(told(&[1, 3]).contains("1 writes lost [2]"), "{}", told(&[1, 3]));
        assert!(told(&[1, 2, 4]).contains("1 that nobody sent [4]"), "{}", told(&[1, 2, 4]));
        assert!(told(&[1, 2, 2]).contains("1 there twice"), "{}", told(&[1, 2, 2]));
    }
}
