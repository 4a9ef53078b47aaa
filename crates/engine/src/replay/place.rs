//! Where a scratch database stands: on a server of our own, or on one that was named.

use cofferdam_analysis::{Error, Result};

use crate::db::{self, ConnectOptions, DbResult, Ident, PostgresTarget, Session, Target};
use crate::scratch::{Binaries, Cluster, Settings};

/// The oldest server whose catalog is read.
const OLDEST: u32 = 15;
/// The database on a server of our own.
const OWN: &str = "scratch";
/// What the names of our databases on other people's servers begin with.
const PREFIX: &str = "cofferdam_scratch_";

/// Where scratch databases are made.
#[derive(Debug, Clone)]
pub enum Place {
    /// A cluster of our own, by the binaries of one of these installations: those of the
    /// target's major, or else the newest.
    Local(Vec<Binaries>),
    /// A server that the user named. The URL's own database is only connected to.
    Server {
        /// How it is reached, as a role that may create databases.
        target: Box<PostgresTarget>,
        /// What its URL leaves open.
        connect: Box<ConnectOptions>,
    },
}

/// An empty database with a session in it.
pub(super) struct Scratch {
    pub(super) session: Session,
    /// The server, for people.
    pub(super) server: String,
    /// Roles that were asked for and are not there.
    pub(super) missing: Vec<String>,
    pub(super) notes: Vec<String>,
    home: Home,
}

enum Home {
    Own(Cluster),
    Theirs(Box<Lent>),
}

/// A database on somebody's server, with the way to it: dropped with the value.
struct Lent {
    target: PostgresTarget,
    connect: ConnectOptions,
    name: Ident,
    dropped: bool,
}

impl Scratch {
    /// Makes the database for a target of this major.
    pub(super) async fn open(place: &Place, major: u32, roles: &[String]) -> Result<Self> {
        match place {
            Place::Local(binaries) => own(binaries.clone(), major, roles.to_vec()).await,
            Place::Server { target, connect } => theirs(target, connect, major, roles).await,
        }
    }

    /// Ends it; what could not be cleaned up comes back as a note.
    pub(super) async fn close(self) -> Option<String> {
        self.session.close().await;
        match self.home {
            Home::Own(cluster) => {
                // Stopping a server blocks. A panic in there has been printed.
                let _ = tokio::task::spawn_blocking(move || drop(cluster)).await;
                None
            }
            Home::Theirs(lent) => {
                let name = lent.name.as_str().to_owned();
                let error = lent.end().await.err()?;
                Some(format!("the scratch database {name} could not be dropped ({error}): drop it by hand"))
            }
        }
    }
}

async fn own(found: Vec<Binaries>, major: u32, roles: Vec<String>) -> Result<Scratch> {
    let started = tokio::task::spawn_blocking(move || {
        let binaries = choose(&found, major)?;
        // A schema is made in one transaction, which holds a lock for each table, index and
        // sequence: what a server has by itself is enough for a few thousand tables.
        let settings = Settings::default().parameter("max_connections", "50");
        let cluster = Cluster::start(binaries, &settings.parameter("max_locks_per_transaction", "2048"))?;
        make_roles(&cluster, &roles)?;
        cluster.create_database(OWN)?;
        Ok(cluster)
    });
    let cluster =
        started.await.map_err(|_| Error::bug("the thread that started the scratch server ended"))??;
    let Target::Postgres(target) = Target::parse(&cluster.url(OWN))? else {
        return Err(Error::bug("a scratch server's URL is no Postgres URL"));
    };
    let session = db::connect(&target, &ConnectOptions::default()).await?;
    let server = format!("Postgres {}, our own", cluster.major());
    let notes = other_major(cluster.major(), major).into_iter().collect();
    Ok(Scratch { session, server, missing: Vec::new(), notes, home: Home::Own(cluster) })
}

fn other_major(is: u32, wanted: u32) -> Option<String> {
    (is != wanted).then(|| {
        format!("the scratch server is Postgres {is} and the database Postgres {wanted}: what only one of them has may show as a difference")
    })
}

fn choose(found: &[Binaries], major: u32) -> Result<&Binaries> {
    let mut reasons = Vec::new();
    let mut usable = Vec::new();
    for binaries in found {
        if binaries.major() < OLDEST {
            reasons.push(format!("{} in {} is too old", binaries.version(), binaries.directory().display()));
            continue;
        }
        match binaries.usable() {
            Ok(()) => usable.push(binaries),
            Err(error) => reasons.push(error.message().to_owned()),
        }
    }
    let same = usable.iter().find(|binaries| binaries.major() == major);
    let newest = usable.iter().rev().max_by_key(|binaries| binaries.major());
    match same.or(newest) {
        Some(binaries) => Ok(binaries),
        None => {
            let error = Error::invalid(format!(
                "there is no place for a scratch database: looked for the server programs of Postgres {major} \
                 (initdb, postgres) on the PATH and in the usual places, and --scratch-url names no server"
            ))
            .hint(format!(
                "install the server package of Postgres {major} (postgresql-{major}), or give --scratch-url \
                 with a server where databases may be created"
            ));
            Err(reasons.into_iter().fold(error, Error::detail))
        }
    }
}

/// The roles by name alone: what files grant them must be grantable.
fn make_roles(cluster: &Cluster, roles: &[String]) -> Result<()> {
    let there = cluster.run("postgres", "select rolname from pg_roles")?;
    let there: Vec<String> = there.into_iter().flatten().flatten().collect();
    let mut sql = String::new();
    for role in roles.iter().filter(|role| !there.contains(role)) {
        sql.push_str(&format!("create role {} nologin;\n", Ident::new(role.as_str())?));
    }
    cluster.run("postgres", &sql).map(drop)
}

async fn theirs(
    target: &PostgresTarget,
    connect: &ConnectOptions,
    major: u32,
    roles: &[String],
) -> Result<Scratch> {
    let doing = |error: Error| error.while_("the scratch server");
    let maintenance = db::connect(target, connect).await.map_err(doing)?;
    let mut notes: Vec<String> = other_major(maintenance.major(), major).into_iter().collect();
    if let Some(pooler) = maintenance.pooler() {
        notes
            .push(format!("the scratch server is reached through a connection pooler ({})", pooler.evidence));
    }
    notes.extend(left_over(&maintenance).await?);
    let missing = maintenance.query(include_str!("sql/missing_roles.sql"), &[&roles]).await.db()?;
    let missing: Vec<String> = missing.iter().map(|row| row.get(0)).collect();
    if !missing.is_empty() {
        notes.push(format!("the scratch server lacks the roles {}", missing.join(", ")));
    }
    let suffix: String = maintenance.query_one(include_str!("sql/random_name.sql"), &[]).await.db()?.get(0);
    let name = Ident::new(format!("{PREFIX}{suffix}"))?;
    let made = maintenance.batch_execute(&format!("create database {name} template template0")).await;
    let no_right = made.as_ref().err().is_some_and(|error| error.code().is_some_and(|c| c.code() == "42501"));
    if let Err(error) = made {
        let error = doing(maintenance.error(error));
        let role = Ident::new(maintenance.role())?;
        let hint = format!("as a superuser there: alter role {role} createdb; or name another server");
        return Err(if no_right { Error::new(error.kind(), error.message()).hint(hint) } else { error });
    }
    // From here on it goes with the value.
    let lent = Lent { target: target.clone(), connect: connect.clone(), name: name.clone(), dropped: false };
    let comment =
        format!("comment on database {name} is 'made by cofferdam for a comparison; may be dropped'");
    maintenance.batch_execute(&comment).await.map_err(|error| doing(maintenance.error(error)))?;
    let server = maintenance.label().to_owned();
    maintenance.close().await;
    let session = db::connect(&target.with_database(name.as_str()), connect).await.map_err(doing)?;
    Ok(Scratch { session, server, missing, notes, home: Home::Theirs(Box::new(lent)) })
}

/// Databases of programs that were killed.
async fn left_over(session: &Session) -> Result<Option<String>> {
    let rows = session.query(include_str!("sql/left_over.sql"), &[&PREFIX]).await.db()?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok((!names.is_empty()).then(|| {
        format!("a killed run left databases on the scratch server that may be dropped: {}", names.join(", "))
    }))
}

impl Lent {
    async fn end(mut self) -> Result<()> {
        let result = drop_database(&self.target, &self.connect, &self.name).await;
        self.dropped = true;
        result
    }
}

impl Drop for Lent {
    /// When the work was dropped half way: by a second Ctrl-C, or an error before [`Scratch`] was complete.
    fn drop(&mut self) {
        if self.dropped {
            return;
        }
        let (target, connect, name) = (self.target.clone(), self.connect.clone(), self.name.clone());
        // A thread with a runtime of its own: the caller's may be shutting down.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.ok().map(|runtime| runtime.block_on(drop_database(&target, &connect, &name)))
        });
        // What went wrong in there nobody could be told; the next replay names the database.
        let _ = thread.join();
    }
}

async fn drop_database(target: &PostgresTarget, connect: &ConnectOptions, name: &Ident) -> Result<()> {
    let session = db::connect(target, connect).await?;
    let sql = format!("drop database if exists {name} with (force)");
    let dropped = session.batch_execute(&sql).await.map_err(|error| session.error(error));
    session.close().await;
    dropped
}
