//! Facts and plan -> the list.

use super::document::{Checklist, FINDINGS, FORMAT, Header, Id, Item, Section, one_line};
use super::facts::{Facts, Session, TableSize};

/// What is to be deployed, and where.
#[derive(Debug, Clone)]
pub struct Deployment<'a> {
    /// The database for people, without password.
    pub target: &'a str,
    /// Equal for two ways to name one database; only its hash is written down.
    pub identity: &'a str,
    /// UTC, `2026-11-20 09:00:03Z`.
    pub written: &'a str,
    /// The program's version.
    pub program: &'a str,
    /// In order.
    pub steps: &'a [Step],
    /// How many findings make `migrate` refuse.
    pub refusing: usize,
    /// What the database answered.
    pub facts: &'a Facts,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `0007/1`.
    pub id: String,
    /// The file it comes from.
    pub file: String,
    /// In order.
    pub statements: Vec<Statement>,
    /// Whether they share a transaction.
    pub transaction: bool,
    /// The way back: a command in code quotes with what it uses, or why there is none.
    pub undo: String,
}

/// One statement of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// As the file writes it.
    pub sql: String,
    /// `AccessExclusive on public.notes`.
    pub locks: Vec<String>,
    /// Whether a table is rewritten.
    pub rewrite: Option<bool>,
    /// Whether a table is scanned in full.
    pub scan: Option<bool>,
    /// The estimated rows of the largest table touched.
    pub rows: Option<u64>,
    /// How long it may take.
    pub estimate_ms: Option<u64>,
}

/// Characters of a statement that tell it from others.
const SHOWN: usize = 120;

/// Connections that `migrate` needs: one for the steps, one that keeps the lease.
const NEEDED: u64 = 2;

/// Makes the list.
pub fn build(of: &Deployment<'_>) -> Checklist {
    let header = Header {
        format: FORMAT,
        target: of.target.to_owned(),
        identity: hash(&[of.identity]),
        database: of.facts.database.clone(),
        plan: plan_hash(of.steps),
        written: of.written.to_owned(),
        program: of.program.to_owned(),
    };
    let steps: Vec<Item> = of.steps.iter().map(step).collect();
    let mut sections = vec![Section { title: "Before".to_owned(), items: before(of) }];
    if !steps.is_empty() {
        sections.push(Section { title: "Steps".to_owned(), items: steps });
    }
    sections.push(Section { title: "Afterwards".to_owned(), items: afterwards(of) });
    Checklist { header, sections, notes: String::new() }
}

/// The hash that a header keeps of a target's identity.
fn hash(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

impl Header {
    /// Whether the list is of this database. Its own name decides where both are known: a
    /// database that was made anew at the same place is another one.
    pub fn is_of(&self, identity: &str, database: Option<&str>) -> bool {
        match (&self.database, database) {
            (Some(of), Some(database)) => of == database,
            (Some(_), None) | (None, _) => self.identity == hash(&[identity]),
        }
    }
}

fn plan_hash(steps: &[Step]) -> String {
    let parts: Vec<&str> = steps
        .iter()
        .flat_map(|s| std::iter::once(s.id.as_str()).chain(s.statements.iter().map(|s| s.sql.as_str())))
        .collect();
    hash(&parts)
}

fn before(of: &Deployment<'_>) -> Vec<Item> {
    let facts = of.facts;
    let mut items = Vec::new();
    if of.refusing > 0 {
        let title = format!("Findings: migrate would refuse, {} to settle", counted(of.refusing, "finding"));
        items.push(item(FINDINGS, &title, vec![format!("{} shows them", code("cofferdam plan"))]));
    }
    items.push(backup(facts));
    items.push(space(facts));
    items.push(leftovers(facts));
    items.extend(in_the_way(facts));
    items.extend(pool(facts));
    items
}

fn item(name: &str, title: &str, details: Vec<String>) -> Item {
    Item::open(Id::check(name), title, details)
}

fn backup(facts: &Facts) -> Item {
    let command = code(&facts.backup.command);
    match &facts.backup.newest {
        Some(age) => item("backup", "Backup: the newest one is recent enough", vec![age.clone()]),
        None => item(
            "backup",
            "Backup: take one, and try to restore it",
            vec![format!("no backup is known to Cofferdam; take one: {command}")],
        ),
    }
}

fn space(facts: &Facts) -> Item {
    let space = &facts.space;
    let mut details = vec![format!("the database has {}", bytes(space.database_bytes))];
    details.extend(space.tables.iter().map(table_size));
    let Some(disk) = &space.disk else {
        let rewritten = space.tables.iter().filter(|table| table.rewritten != Some(false));
        let most: u64 = rewritten.map(|table| table.bytes).sum();
        details.push(format!(
            "the server's free disk space cannot be asked for from here; in the worst case {} are written anew, \
             and as much again to the WAL",
            bytes(most)
        ));
        return item("space", "Disk: the server has room for what the steps write", details);
    };
    details.push(format!("{} are free beside it", bytes(disk.free_bytes)));
    if !disk.copy {
        details.push("no step makes a copy of the file".to_owned());
        return item("space", "Disk: there is room beside the file", details);
    }
    // The copy, and the journal of a step that may write every page once.
    let needed = space.database_bytes.saturating_mul(2);
    details.push(format!(
        "a copy of the file is made before a step: with the journal {} may be needed",
        bytes(needed)
    ));
    let title = if disk.free_bytes < needed {
        "Disk: too little room beside the file for the copy and the journal"
    } else {
        "Disk: there is room beside the file for the copy"
    };
    item("space", title, details)
}

fn table_size(table: &TableSize) -> String {
    let about = if table.exact { "" } else { "about " };
    let rewritten = match table.rewritten {
        Some(true) => "rewritten by a step, which needs as much again while it runs",
        Some(false) => "not rewritten",
        None => "whether a step rewrites it is not known",
    };
    format!("{}: {about}{}, {rewritten}", code(&table.table), bytes(table.bytes))
}

fn leftovers(facts: &Facts) -> Item {
    let details: Vec<String> =
        facts.leftovers.iter().map(|left| format!("{}: {}", left.what, left.advice)).collect();
    let title = match details.len() {
        0 => "Leftovers of earlier work: none were found".to_owned(),
        n => format!("Leftovers of earlier work: {n} to look at"),
    };
    item("leftovers", &title, details)
}

fn in_the_way(facts: &Facts) -> Option<Item> {
    let sessions = facts.sessions.as_ref()?;
    let mut details: Vec<String> = sessions.iter().map(session).collect();
    if facts.hidden > 0 {
        details.push(format!(
            "{} of other roles hide what they do: {} shows it",
            counted(usize::try_from(facts.hidden).unwrap_or(usize::MAX), "session"),
            code(&format!("grant pg_read_all_stats to \"{}\"", facts.role.replace('"', "\"\"")))
        ));
    }
    let title = match sessions.len() {
        0 => "Long transactions and locks in the way: none were found".to_owned(),
        n => {
            format!("Long transactions and locks in the way: {} to wait for or to end", counted(n, "session"))
        }
    };
    Some(item("locks", &title, details))
}

fn session(session: &Session) -> String {
    let Session { pid, user, application, seconds, state, query, holds } = session;
    let mut said = match pid {
        0 => format!("a prepared transaction of {} (see {})", code(user), code("pg_prepared_xacts")),
        _ => format!("pid {pid}, user {}", code(user)),
    };
    if !application.is_empty() {
        said += &format!(", application {}", code(application));
    }
    said += &format!(", for {seconds} s");
    if !state.is_empty() {
        said += &format!(", {}", code(state));
    }
    if !holds.is_empty() {
        said += &format!(", holds {}", holds.iter().map(|h| code(h)).collect::<Vec<_>>().join(", "));
    }
    if let Some(word) = first_word(query) {
        said += &format!(": {}", code(&format!("{word} ..")));
    }
    said
}

/// `update` of `update ..`. Whoever asked the server leaves the rest out already; nothing of
/// it gets into the file even if not.
fn first_word(query: &str) -> Option<&str> {
    query.split_whitespace().next().filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

fn pool(facts: &Facts) -> Option<Item> {
    let pool = facts.pool.as_ref()?;
    let free = pool.max.saturating_sub(pool.reserved).saturating_sub(pool.used);
    let mut details = vec![
        format!("{} of {} connections are used, {} are reserved", pool.used, pool.max, pool.reserved),
        format!("{} in this database are idle in a transaction", pool.idle_in_transaction),
    ];
    let title = match &pool.pooler {
        Some(evidence) => {
            details.push(format!("{evidence}; give the database's own address as {}", code("direct_url")));
            "Connections: a pooler stands in between, and migrations need a session".to_owned()
        }
        None if free < NEEDED => format!("Connections: {NEEDED} are needed, and too few are free"),
        None => format!("Connections: {NEEDED} are needed and free"),
    };
    Some(item("connections", &title, details))
}

fn step(step: &Step) -> Item {
    let commit = if step.transaction { "one transaction" } else { "outside of a transaction" };
    let title = format!("{}: {}, {commit}", step.id, code(&step.file));
    let mut details: Vec<String> = step.statements.iter().map(statement).collect();
    let times: Option<Vec<u64>> = step.statements.iter().map(|statement| statement.estimate_ms).collect();
    details.push(match times {
        Some(times) if !times.is_empty() => format!("about {}", super::took(times.iter().sum())),
        _ => "how long it takes is not known".to_owned(),
    });
    details.push(format!("the way back: {}", step.undo));
    Item::open(Id::step(&step.id), &title, details)
}

fn statement(statement: &Statement) -> String {
    let mut costs = statement.locks.clone();
    costs.extend((statement.rewrite == Some(true)).then(|| "rewrites the table".to_owned()));
    costs.extend((statement.scan == Some(true)).then(|| "scans the table".to_owned()));
    costs.extend(statement.rows.map(|rows| format!("about {rows} rows")));
    let sql = one_line(&statement.sql);
    let shown: String = sql.chars().take(SHOWN).collect();
    let more = if shown.len() < sql.len() { " ..." } else { "" };
    let costs = if costs.is_empty() { String::new() } else { format!(": {}", costs.join(", ")) };
    format!("{}{costs}", code(&format!("{shown}{more}")))
}

fn afterwards(of: &Deployment<'_>) -> Vec<Item> {
    let status = format!("{} shows nothing pending and no problem", code("cofferdam status"));
    let audit = format!("{} finds the record whole", code("cofferdam audit --verify"));
    let schema = "the schema is the expected one".to_owned();
    let look = format!("{} shows what differs from what the migrations make", code("cofferdam diff"));
    let mut items = vec![item("status", &status, Vec::new()), item("audit", &audit, Vec::new())];
    if !of.steps.is_empty() {
        items.push(item("schema", &schema, vec![look]));
    }
    let healthy = "the application works: its own health check, its errors, its slowest queries";
    items.push(item("application", healthy, Vec::new()));
    items
}

/// `text` as Markdown's code, whatever backticks are in it.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Bytes as people read them.
fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut value = n as f64;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
