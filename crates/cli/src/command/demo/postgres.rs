//! The stage on Postgres: a server of its own.

use std::path::PathBuf;

use cofferdam::db::{self, ConnectOptions, PostgresTarget, Target};
use cofferdam::scratch::{Binaries, Cluster, Settings};
use cofferdam_analysis::{Error, Result};

use super::content::{Content, Count};
use super::place::Place;
use super::story::{Files, Stage};
use crate::output::Output;

const FILES: Files = Files {
    begin: &[
        ("0010_notes.sql", include_str!("postgres/0010_notes.sql")),
        ("0011_rows.sql", include_str!("postgres/0011_rows.sql")),
    ],
    dangerous: ("0012_migration_12.sql", include_str!("postgres/migration_12.sql")),
    safe: &[
        ("0012_note_archive.sql", include_str!("postgres/safe.sql")),
        ("0012_note_archive.down.sql", include_str!("postgres/safe.down.sql")),
    ],
};

/// The oldest major that the engine connects to.
const OLDEST: u32 = 14;
const NAME: &str = "notes";

/// A server that goes with the value.
#[derive(Debug)]
pub(super) struct Server {
    /// Taken when the server is to stay.
    cluster: Option<Cluster>,
    major: u32,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(cluster) = self.cluster.take() else { return };
        let data = cluster.data_directory();
        drop(cluster);
        // Of root's server only the emptied folder can be left: its user may not remove it
        // from a folder that is root's.
        let _ = data.parent().map(std::fs::remove_dir);
    }
}

impl Server {
    /// Starts one below `within`; `Err` is why there is none, as one sentence.
    pub(super) async fn start(
        named: Option<PathBuf>,
        within: PathBuf,
        output: &Output,
    ) -> std::result::Result<Self, String> {
        let binaries = choose(named)?;
        output.log(&format!("starting a Postgres {} for the second part", binaries.major()));
        let settings = Settings::default().base(within);
        // A thread of its own: to make a cluster takes a second, and Ctrl-C must be heard.
        let started = tokio::task::spawn_blocking(move || {
            let cluster = Cluster::start(&binaries, &settings)?;
            let mut server = Self { major: cluster.major(), url: cluster.url(NAME), cluster: None };
            let cluster = server.cluster.insert(cluster);
            cluster.create_database(NAME)?;
            Ok(server)
        });
        match started.await {
            Ok(result) => result.map_err(|error: Error| first_reason(&error)),
            Err(_) => Err("the thread that started the server ended".to_owned()),
        }
    }

    /// Its empty database.
    pub(super) fn stage(&self, place: &Place) -> Result<Stage> {
        let url = &self.url;
        let folder = "postgres";
        let path = place.project(folder, url)?;
        let target = Target::parse(url)?;
        let name = format!("Postgres {}", self.major);
        Ok(Stage { name, folder, files: &FILES, target, path })
    }

    /// Lets it run on; returns the commands that stop it and remove its files.
    pub(super) fn leave_running(mut self) -> Result<Vec<String>> {
        let Some(cluster) = self.cluster.take() else { return Ok(Vec::new()) };
        let left = cluster.leave_running()?;
        Ok(vec![format!("kill -INT {}", left.pid), format!("rm -r {}", left.directory.display())])
    }
}

/// The server that was named, or the newest that can be used here.
fn choose(named: Option<PathBuf>) -> std::result::Result<Binaries, String> {
    let found = match named {
        Some(directory) => vec![Binaries::at(&directory).map_err(|error| error.message().to_owned())?],
        None => Binaries::find(&[], None),
    };
    let mut reason =
        "no Postgres server binaries in the usual places; --postgres-bin DIR names others".to_owned();
    for binaries in found {
        if binaries.major() < OLDEST {
            reason = format!("{} is too old", binaries.version());
            continue;
        }
        match binaries.usable() {
            Ok(()) => return Ok(binaries),
            Err(error) => reason = error.message().to_owned(),
        }
    }
    Err(reason)
}

fn first_reason(error: &Error) -> String {
    match error.details().last() {
        Some(detail) => format!("{}: {detail}", error.message()),
        None => error.message().to_owned(),
    }
}

/// What the tables hold.
pub(super) async fn content(target: &PostgresTarget) -> Result<Content> {
    let session = db::connect(target, &ConnectOptions::default()).await?;
    let rows = session.client().query(include_str!("postgres/content.sql"), &[]).await;
    let rows = rows.map_err(|error| session.error(error))?;
    let mut count = Count::new();
    for row in &rows {
        let get = |column| row.try_get::<usize, &str>(column).map_err(db::postgres_error);
        count.row(get(0)?, get(1)?);
    }
    session.close().await;
    Ok(count.content())
}

/// What the tables would hold after `sql`, run as it is. On a copy.
pub(super) async fn without_us(target: &PostgresTarget, sql: &str) -> Result<Content> {
    run(&target.with_database("postgres"), include_str!("postgres/copy.sql")).await?;
    let copy = target.with_database("copy");
    run(&copy, sql).await?;
    let content = content(&copy).await?;
    run(&target.with_database("postgres"), "drop database copy").await?;
    Ok(content)
}

async fn run(target: &PostgresTarget, sql: &str) -> Result<()> {
    let session = db::connect(target, &ConnectOptions::default()).await?;
    let ran = session.client().batch_execute(sql).await.map_err(|error| session.error(error));
    session.close().await;
    ran
}
