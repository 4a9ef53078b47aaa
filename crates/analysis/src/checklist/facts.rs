//! What was asked of a live database before a deployment.

/// The answers; what could not be known is `None` and is said so in the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The name that the ledger gave the database.
    pub database: Option<String>,
    /// The newest backup, and how to take one.
    pub backup: Backup,
    /// Room for what the steps write.
    pub space: Space,
    /// What earlier work left behind.
    pub leftovers: Vec<Leftover>,
    /// Who may stand in the way, oldest transaction first; `None` where nobody can tell.
    pub sessions: Option<Vec<Session>>,
    /// Sessions whose work this role may not see.
    pub hidden: u64,
    /// Ours, for the grant that would show them; empty on SQLite.
    pub role: String,
    /// Connections; `None` where there are none.
    pub pool: Option<Pool>,
}

/// What is known of backups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backup {
    /// The age of the newest one. Nothing of the program takes or sees backups yet.
    pub newest: Option<String>,
    /// The command that takes one.
    pub command: String,
}

/// Room for what the steps write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Space {
    /// The whole database.
    pub database_bytes: u64,
    /// Tables that steps lock strongly or rewrite, largest first.
    pub tables: Vec<TableSize>,
    /// The disk, where it can be seen from here.
    pub disk: Option<Disk>,
}

/// A table and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSize {
    /// `schema.name`.
    pub table: String,
    /// With indexes and TOAST.
    pub bytes: u64,
    /// Measured; else the planner's estimate, since somebody has the table locked.
    pub exact: bool,
    /// Whether a step rewrites it; `None` when that is not known.
    pub rewritten: Option<bool>,
}

/// The disk that the database lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// For ordinary users.
    pub free_bytes: u64,
    /// A copy of the whole database is made before a step.
    pub copy: bool,
}

/// Something that earlier work left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// `invalid index public.notes_body`.
    pub what: String,
    /// What to do about it, for people; commands in code quotes.
    pub advice: String,
}

/// Somebody with a long transaction, or with a lock that a step needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// 0 for a prepared transaction.
    pub pid: i32,
    /// Its role, or what the server calls it.
    pub user: String,
    /// What it calls itself.
    pub application: String,
    /// Age of its transaction.
    pub seconds: u64,
    /// `active`, `idle in transaction`.
    pub state: String,
    /// The first key word of its statement, `update ..`: never more, since the list is a file
    /// that people commit and statements hold values.
    pub query: String,
    /// The locks in the way: `RowExclusive on public.notes`.
    pub holds: Vec<String>,
}

/// The server's connections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pool {
    /// By clients, in the whole server.
    pub used: u64,
    /// `max_connections`.
    pub max: u64,
    /// Of these, kept for superusers and reserved roles.
    pub reserved: u64,
    /// In this database.
    pub idle_in_transaction: u64,
    /// How a pooler in between showed itself.
    pub pooler: Option<String>,
}
