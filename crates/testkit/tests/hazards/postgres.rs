//! What a Postgres case does, seen from inside its transactions.

use std::collections::BTreeMap;

use cofferdam_testkit::postgres::Database;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::case::Case;
use super::fill;
use super::units::{Unit, units};

/// Relations that stood before the first file, as they are now: name, kind, node, lock held, scans.
const LOOK: &str = "select c.oid, c.oid::regclass::text, c.relkind::text, coalesce(pg_relation_filenode(c.oid), 0), \
        coalesce((select max(case l.mode when 'RowExclusiveLock' then 3 when 'ShareUpdateExclusiveLock' then 4 \
            when 'ShareLock' then 5 when 'ShareRowExclusiveLock' then 6 when 'ExclusiveLock' then 7 \
            when 'AccessExclusiveLock' then 8 else 0 end) from pg_locks l \
            where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.relation = c.oid \
              and l.database = (select oid from pg_database where datname = current_database())), 0), \
        coalesce(pg_stat_get_xact_numscans(c.oid), 0) \
    from pg_class c where c.oid = any($1) order by c.oid::regclass::text collate \"C\"";

const LOCKS: [&str; 9] = [
    "none",
    "AccessShare",
    "RowShare",
    "RowExclusive",
    "ShareUpdateExclusive",
    "Share",
    "ShareRowExclusive",
    "Exclusive",
    "AccessExclusive",
];

#[derive(Debug, Clone)]
struct Relation {
    name: String,
    kind: String,
    node: u32,
    lock: usize,
    scans: i64,
}

/// Count of rows, and by attribute number the column's name and a digest of its values.
type Content = (i64, BTreeMap<i16, (String, String)>);

/// The record of the case on a server of `major`.
pub(crate) fn prove(case: &Case, major: u32) -> Vec<String> {
    in_database(case, major, async |client| Prover::new(client, case).await.run().await)
}

/// The snapshot that the program would take of the case's database.
pub(crate) fn catalog(case: &Case, major: u32) -> String {
    in_database(case, major, async |client| {
        let forget = "update pg_class set reltuples = -1, relpages = 0 where oid >= 16384 and relkind in ('r', 'm', 'p')";
        client.batch_execute(forget).await.expect("estimates are forgotten");
        let catalog = cofferdam::catalog::postgres::read(client).await.expect("the catalog is read");
        catalog.to_snapshot().expect("a snapshot is written")
    })
}

fn in_database<T>(case: &Case, major: u32, work: impl AsyncFnOnce(&Client) -> T) -> T {
    let database = Database::new(major);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = database.client().await;
        let title = case.title();
        let run = async |what: &str, sql: &str| {
            let done = client.batch_execute(sql).await;
            done.unwrap_or_else(|e| panic!("{title}: {what}: {}", said(&e)));
        };
        run("schema", &case.schema).await;
        run("rows", &case.rows).await;
        fill::postgres(&client, &title).await;
        run("then", &case.then).await;
        work(&client).await
    })
}

fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(e) => format!("error {} {}", e.code().code(), e.message()),
        None => format!("error {error}"),
    }
}

/// A statement that ran, and how.
struct Ran<'a> {
    /// File and line.
    at: &'a str,
    sql: &'a str,
    /// In no transaction: its locks are gone before anybody can look.
    outside: bool,
    /// A lock timeout was in force.
    guarded: bool,
    /// A statement timeout was.
    limited: bool,
}

struct Prover<'a> {
    client: &'a Client,
    case: &'a Case,
    /// The relations that stood before.
    oids: Vec<u32>,
    names: BTreeMap<u32, String>,
    contents: BTreeMap<u32, Content>,
    nodes: BTreeMap<u32, u32>,
    lines: Vec<String>,
    /// The file's or the runner's transaction is open.
    open: bool,
}

impl<'a> Prover<'a> {
    async fn new(client: &'a Client, case: &'a Case) -> Prover<'a> {
        let list = "select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r','m','p','i','I','v')";
        let rows = client.query(list, &[]).await.expect("relations are listed");
        let mut prover = Prover {
            client,
            case,
            oids: rows.iter().map(|r| r.get(0)).collect(),
            names: BTreeMap::new(),
            contents: BTreeMap::new(),
            nodes: BTreeMap::new(),
            lines: Vec::new(),
            open: false,
        };
        for (oid, relation) in prover.look().await {
            prover.nodes.insert(oid, relation.node);
            if let Some(content) = prover.content(oid, &relation.kind).await {
                prover.contents.insert(oid, content);
            }
            prover.names.insert(oid, relation.name);
        }
        // Records compare as text, so relations go by name and not by their numbers.
        let Prover { oids, names, .. } = &mut prover;
        oids.sort_by_key(|oid| names.get(oid).cloned());
        prover
    }

    async fn run(mut self) -> Vec<String> {
        'files: for file in &self.case.files {
            self.client.batch_execute("reset all").await.expect("a session begins");
            let units = units(self.case.dialect(), self.case.transaction, &file.name, &file.text);
            for unit in units {
                if let Err(error) = self.unit(&file.name, unit).await {
                    self.lines.push(error);
                    let _ = self.client.batch_execute("rollback").await;
                    break 'files;
                }
            }
        }
        let harm = self.case.harm.trim();
        if !harm.is_empty() {
            let answer = self.client.simple_query(harm).await;
            let value = answer.map_err(|e| said(&e)).map(|messages| {
                let row = messages.into_iter().find_map(|m| match m {
                    SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                    _ => None,
                });
                row.unwrap_or_default()
            });
            self.lines.push(format!("harm {}", value.unwrap_or_else(|e| e)));
        }
        self.lines
    }

    async fn unit(&mut self, file: &str, unit: Unit) -> Result<(), String> {
        let runner = |e| format!("{file} {}", said(&e));
        match unit {
            Unit::Begin => {
                self.open = true;
                self.client.batch_execute("begin").await.map_err(runner)
            }
            Unit::Commit => {
                self.open = false;
                self.client.batch_execute("commit").await.map_err(runner)
            }
            Unit::ForeignKeys(_) => Ok(()),
            Unit::Statement { line, sql, outside } => {
                let at = format!("{file}:{line}");
                self.statement(&at, &sql, outside).await.map_err(|e| format!("{at} {e}"))
            }
        }
    }

    async fn look(&self) -> BTreeMap<u32, Relation> {
        let rows = self.client.query(LOOK, &[&self.oids]).await.expect("a look at the relations");
        rows.iter()
            .map(|row| {
                let relation = Relation {
                    name: row.get(1),
                    kind: row.get(2),
                    node: row.get(3),
                    lock: row.get::<_, i32>(4) as usize,
                    scans: row.get(5),
                };
                (row.get(0), relation)
            })
            .collect()
    }

    async fn statement(&mut self, at: &str, sql: &str, outside: bool) -> Result<(), String> {
        let inside = self.open;
        match word(sql).as_str() {
            "begin" | "start" => self.open = true,
            "commit" | "rollback" | "end" => self.open = false,
            _ => {}
        }
        let wrap = !inside && !outside && !is_command(sql);
        if wrap {
            self.client.batch_execute("begin").await.map_err(|e| said(&e))?;
        }
        if wrap || inside {
            self.without_its_clause(at, sql).await;
        }
        let before = self.look().await;
        let (guarded, limited) = (self.is_set("lock_timeout").await, self.is_set("statement_timeout").await);
        let columns = self.star_columns(sql).await;
        let answers = self.client.simple_query(sql).await.map_err(|e| said(&e))?;
        let written = answers.into_iter().find_map(|answer| match answer {
            SimpleQueryMessage::CommandComplete(rows) => Some(rows),
            _ => None,
        });
        if let Some(rows) = written.filter(|rows| *rows > 0 && writes_rows(sql)) {
            self.lines.push(format!("{at} {rows} rows written"));
        }
        if is_command(sql) {
            return Ok(());
        }
        let after = self.look().await;
        self.compare(&Ran { at, sql, outside, guarded, limited }, &before, &after).await;
        self.lines.extend(columns.map(|c| format!("{at} {c}")));
        if wrap {
            self.client.batch_execute("commit").await.map_err(|e| said(&e))?;
        }
        Ok(())
    }

    async fn is_set(&self, name: &str) -> bool {
        let row = self.client.query_one(&format!("select current_setting('{name}')"), &[]).await;
        row.is_ok_and(|r| r.get::<_, String>(0) != "0")
    }

    async fn compare(
        &mut self,
        ran: &Ran<'_>,
        before: &BTreeMap<u32, Relation>,
        after: &BTreeMap<u32, Relation>,
    ) {
        let Ran { at, sql, outside, guarded, limited } = *ran;
        let mut lines = Vec::new();
        for oid in self.oids.clone() {
            let Some(name) = self.names.get(&oid).cloned() else { continue };
            let was = &before[&oid];
            let Some(now) = after.get(&oid) else {
                self.names.remove(&oid);
                let lock = if outside {
                    String::new()
                } else {
                    format!(" AccessExclusive{}", unset(guarded, limited))
                };
                let what = self.what_became_of(was).await;
                lines.extend(what.map(|what| format!("{at} {name}{lock} {what}")));
                continue;
            };
            let mut said = String::new();
            if now.lock > was.lock && now.lock >= 3 {
                said = format!(" {}", LOCKS[now.lock]);
                said += if now.lock >= 5 { unset(guarded, limited) } else { "" };
            } else if now.lock >= 5 {
                said = format!(" {} held", LOCKS[now.lock]);
            }
            let mut seen = String::new();
            if now.node != was.node && now.node != 0 {
                seen += if matches!(now.kind.as_str(), "i" | "I") { " rebuilt" } else { " rewrite" };
            }
            let is_table = matches!(now.kind.as_str(), "r" | "m");
            // What a block reads is its own affair unless it makes others wait meanwhile.
            let reads = reads_rows(sql) || word(sql) == "do" && now.lock < 5;
            if is_table && now.scans > was.scans && !reads {
                seen += " scan";
            }
            if is_table && now.lock >= 3 {
                seen += &self.losses(oid, now).await;
            }
            // Of an index only what becomes of it counts: its locks are those of its table.
            if matches!(now.kind.as_str(), "i" | "I") && seen.is_empty() {
                continue;
            }
            // A lock held since before is worth a line only when something happens under it.
            if !seen.is_empty() || !said.is_empty() && !said.ends_with("held") {
                let lock = if said.is_empty() { " none".to_owned() } else { said };
                lines.push(format!("{at} {name}{lock}{seen}"));
            }
        }
        // With its table an index is written again as well; that goes without saying.
        let rewrites = lines.iter().any(|l| l.contains(" rewrite"));
        lines.retain(|l| !(rewrites && l.ends_with(" rebuilt")));
        self.lines.extend(lines);
    }

    /// A relation that is not there any more: its rows are gone, or only a way to them, unless
    /// the server made an index of its name again.
    async fn what_became_of(&self, was: &Relation) -> Option<&'static str> {
        if !matches!(was.kind.as_str(), "i" | "I") {
            return Some(if was.kind == "v" { "dropped" } else { "gone" });
        }
        let again = "select coalesce(pg_relation_filenode(to_regclass($1)), 0), to_regclass($1) is null";
        let row = self.client.query_one(again, &[&was.name]).await.expect("a name is looked up");
        match (row.get::<_, u32>(0), row.get::<_, bool>(1)) {
            (_, true) => Some("dropped"),
            (node, false) => (node != was.node).then_some("rebuilt"),
        }
    }

    /// What of the table's content went since the last look.
    async fn losses(&mut self, oid: u32, now: &Relation) -> String {
        let Some(mut content) = self.content(oid, &now.kind).await else { return String::new() };
        let Some(before) = self.contents.remove(&oid) else { return String::new() };
        // Columns that the set itself added are nobody's loss.
        content.1.retain(|number, _| before.1.contains_key(number));
        self.contents.insert(oid, content.clone());
        let mut said = String::new();
        if content.0 < before.0 {
            said += &format!(" rows {} -> {}", before.0, content.0);
        }
        for (number, (name, digest)) in &before.1 {
            match content.1.get(number) {
                None => said += &format!(" column {name} gone"),
                Some((_, now)) if now != digest && content.0 == before.0 => {
                    said += &format!(" values of {name} changed");
                }
                Some(_) => {}
            }
        }
        said
    }

    async fn content(&self, oid: u32, kind: &str) -> Option<Content> {
        if !matches!(kind, "r" | "m") {
            return None;
        }
        let list = "select attnum, attname::text, quote_ident(attname), format_type(atttypid, atttypmod) from pg_attribute \
                    where attrelid = $1 and attnum > 0 and not attisdropped order by attnum";
        let columns = self.client.query(list, &[&oid]).await.expect("columns are listed");
        let digests = columns.iter().map(|c| {
            let (name, ty): (String, String) = (c.get(2), c.get(3));
            // The same moment and the same number are the same value, however they are written.
            let text = match ty.as_str() {
                t if t.starts_with("timestamp") && t.ends_with("with time zone") => format!("({name} at time zone 'UTC')"),
                t if t.starts_with("numeric") && !t.ends_with("[]") => format!("trim_scale({name})"),
                _ => name,
            };
            format!("coalesce(md5(string_agg(coalesce({text}::text, '~'), ',' order by {text}::text collate \"C\")), '')")
        });
        let table: String =
            self.client.query_one("select $1::oid::regclass::text", &[&oid]).await.expect("a name").get(0);
        let what: Vec<String> = ["count(*)".to_owned()].into_iter().chain(digests).collect();
        // An unpopulated materialized view, and a table of rows nobody may read, have no content.
        let sql = format!("select {} from {table}", what.join(", "));
        let row = match self.client.simple_query(&sql).await.ok()?.into_iter().find_map(|m| match m {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        }) {
            Some(row) => row,
            None => return None,
        };
        let count = row.get(0)?.parse().ok()?;
        let digests = columns.iter().enumerate().map(|(n, c)| {
            (c.get::<_, i16>(0), (c.get::<_, String>(1), row.get(n + 1).unwrap_or("").to_owned()))
        });
        Some((count, digests.collect()))
    }

    /// `insert .. select .. on conflict do nothing`: what the server says without the clause
    /// are the rows that vanish with it.
    async fn without_its_clause(&mut self, at: &str, sql: &str) {
        let lower = sql.to_ascii_lowercase();
        let conflict = lower.rfind("on conflict").filter(|i| lower[*i..].trim_end().ends_with("do nothing"));
        let Some(cut) = conflict.filter(|_| lower.contains("select")) else { return };
        self.client.batch_execute("savepoint plain").await.expect("a savepoint");
        if let Err(error) = self.client.batch_execute(&sql[..cut]).await {
            let code = error.as_db_error().map_or("", |e| e.code().code());
            self.lines.push(format!("{at} plain insert: error {code}"));
        }
        let back = "rollback to savepoint plain; release savepoint plain";
        self.client.batch_execute(back).await.expect("back to the savepoint");
    }

    /// `insert into t select *`: where the star's columns land when their names differ.
    async fn star_columns(&self, sql: &str) -> Option<String> {
        let lower = sql.to_ascii_lowercase();
        let select = lower.find("select")?;
        let target = lower[..select].strip_prefix("insert into ").map(|t| sql[12..12 + t.len()].trim())?;
        if !lower[select..].contains('*') || target.contains('(') || target.contains(' ') {
            return None;
        }
        let read = self.client.prepare(&sql[select..]).await.ok()?;
        let write = self.client.prepare(&format!("select * from {target}")).await.ok()?;
        let pairs = read.columns().iter().zip(write.columns());
        let moved: Vec<String> = pairs
            .filter(|(from, to)| from.name() != to.name())
            .map(|(from, to)| format!("{} into {}", from.name(), to.name()))
            .collect();
        (!moved.is_empty()).then(|| format!("columns moved: {}", moved.join(", ")))
    }
}

fn unset(guarded: bool, limited: bool) -> &'static str {
    match (guarded, limited) {
        (true, true) => "",
        (false, true) => " unguarded",
        (true, false) => " unlimited",
        (false, false) => " unguarded unlimited",
    }
}

fn word(sql: &str) -> String {
    sql.split_whitespace().next().unwrap_or("").trim_end_matches(';').to_ascii_lowercase()
}

/// Statements that begin or end a transaction.
fn is_command(sql: &str) -> bool {
    matches!(word(sql).as_str(), "begin" | "start" | "commit" | "rollback" | "end")
}

/// Statements whose count of rows is about rows that stood before.
fn writes_rows(sql: &str) -> bool {
    matches!(word(sql).as_str(), "update" | "delete" | "merge")
}

/// Statements whose scans are the planner's choice, and are theirs by nature.
fn reads_rows(sql: &str) -> bool {
    matches!(word(sql).as_str(), "select" | "insert" | "update" | "delete" | "merge" | "with")
}
