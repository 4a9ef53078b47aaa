//! From what `pg_dump` writes to a migration file: plain SQL that says what to keep.
//!
//! Settings of the session become settings of the transaction, so that nothing reaches the
//! next file; owners go; what names a role is put where its absence does no harm; secrets
//! go. Everything else stays as pg_dump ordered and wrote it.

mod guards;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use cofferdam_analysis::sql::{Action, Dialect, ObjectKind, Script, Statement};
use cofferdam_analysis::{Error, Result};

use guards::Guards;
use words::{first_word, last_role, without_secrets};

/// What the text of a dump does not tell.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The roles of each policy, by schema, table and name.
    pub(super) policies: BTreeMap<(String, String, String), Vec<String>>,
    /// Extensions whose comment is the one they bring.
    pub(super) commented_by_themselves: BTreeSet<String>,
    /// Whether the schema `public` is there.
    pub(super) has_public: bool,
}

/// The file.
#[derive(Debug)]
pub(super) struct Tidied {
    pub(super) text: String,
    /// Roles that something is skipped for where they do not exist.
    pub(super) roles: BTreeSet<String>,
    pub(super) notes: Vec<String>,
}

const HEAD: &str = "\
-- The schema as it stood when cofferdam took this database over (cofferdam baseline).
-- Where it stood already this file counts as applied; in a new database migrate runs it.
";

/// Functions may be written before what they use; every name in the file is qualified.
const SETTINGS: &str = "\
SET LOCAL check_function_bodies = off;
SET LOCAL search_path = '';
";

/// Statements whose options may hold passwords.
const WITH_OPTIONS: [&str; 4] =
    ["CREATE SERVER ", "CREATE FOREIGN DATA WRAPPER ", "CREATE FOREIGN TABLE ", "ALTER FOREIGN TABLE "];

const NO_PUBLIC: &str = "\
-- cofferdam:allow drop-schema every new database has this schema, and this one had not
DROP SCHEMA IF EXISTS public;
";

/// Makes the file.
///
/// # Errors
/// `Bug` for a dump that holds what `--schema-only` never writes.
pub(super) fn tidy(dump: &str, facts: &Facts) -> Result<Tidied> {
    let script = Script::parse(Dialect::Postgres, "pg_dump", dump);
    let mut tidy = Tidy {
        facts,
        owner: String::new(),
        body: Vec::new(),
        last: Vec::new(),
        guards: Guards::default(),
        notes: BTreeSet::new(),
    };
    let mut end = 0;
    for statement in &script.statements {
        tidy.read_heading(&dump[end..statement.span.start]);
        tidy.statement(statement, script.sql(statement))?;
        end = statement.span.end;
    }
    Ok(tidy.finish())
}

/// Our guard is none of the schema: its triggers hang on the user's tables, its event triggers on nothing.
fn of_the_guard(sql: &str) -> bool {
    [
        "CREATE TRIGGER ",
        "COMMENT ON TRIGGER ",
        "CREATE EVENT TRIGGER ",
        "ALTER EVENT TRIGGER ",
        "COMMENT ON EVENT TRIGGER ",
    ]
    .iter()
    .any(|start| sql.strip_prefix(start).is_some_and(|name| name.starts_with("cofferdam_guard")))
        || (sql.starts_with("ALTER TABLE ") && sql.contains(" TRIGGER cofferdam_guard_truncate"))
}

struct Tidy<'a> {
    facts: &'a Facts,
    /// Of the object whose statements are being read, as its heading says.
    owner: String,
    body: Vec<String>,
    /// Event triggers: they would fire for what follows them.
    last: Vec<String>,
    guards: Guards,
    notes: BTreeSet<String>,
}

impl Tidy<'_> {
    /// `-- Name: notes; Type: TABLE; Schema: public; Owner: alice`
    fn read_heading(&mut self, between: &str) {
        for line in between.lines().filter(|line| line.starts_with("-- Name: ")) {
            self.owner = line.rsplit_once("; Owner: ").map(|(_, owner)| owner.to_owned()).unwrap_or_default();
        }
    }

    fn statement(&mut self, statement: &Statement, sql: &str) -> Result<()> {
        match first_word(sql) {
            "SET" | "RESET" => self.setting(statement),
            _ if of_the_guard(sql) => {}
            "SELECT" if sql.contains("set_config('search_path'") => {}
            "COPY" | "INSERT" | "SELECT" => {
                return Err(Error::bug(format!("pg_dump --schema-only wrote {}", statement.verb)));
            }
            "GRANT" | "REVOKE" => self.privilege(sql),
            "ALTER" if last_role(sql, &["OWNER TO"]).is_some() => {}
            "ALTER" if sql.starts_with("ALTER DEFAULT PRIVILEGES ") => self.guards.default_privilege(sql),
            "COMMENT" => self.comment(sql),
            _ if sql.starts_with("CREATE USER MAPPING ") => {
                self.note("user mappings are left out: they hold passwords");
            }
            _ => self.definition(statement, sql),
        }
        Ok(())
    }

    /// The session's settings are not the file's, but for the one that says how tables are stored.
    fn setting(&mut self, statement: &Statement) {
        for action in statement.actions() {
            if let Action::Set { name, value: Some(value), .. } = action
                && ["default_table_access_method", "standard_conforming_strings"].contains(&name.as_str())
                && !["on", "true"].contains(&value.as_str())
            {
                self.body.push(format!("SET LOCAL {name} = {value}"));
            }
        }
    }

    /// Of the owner, whoever that is in a new database; of everybody; or of a role that may be missing.
    fn privilege(&mut self, sql: &str) {
        match last_role(sql, &["TO", "FROM"]) {
            Some(role) if role.name == "PUBLIC" && !role.quoted => self.body.push(sql.to_owned()),
            Some(role) if role.name == self.owner => {
                self.body.push(format!("{}CURRENT_USER{}", &sql[..role.start], &sql[role.end..]));
            }
            Some(role) if is_predefined(&role.name) => self.body.push(sql.to_owned()),
            Some(role) => self.guards.grant(&role.name, sql),
            None => self.body.push(sql.to_owned()),
        }
    }

    fn comment(&mut self, sql: &str) {
        let by_itself = sql.strip_prefix("COMMENT ON EXTENSION ").is_some_and(|rest| {
            let name = rest.split(" IS ").next().unwrap_or_default();
            self.facts.commented_by_themselves.contains(&name.trim_matches('"').replace("\"\"", "\""))
        });
        if by_itself || self.guards.comment_on_policy(sql) {
            return;
        }
        if sql.starts_with("COMMENT ON EVENT TRIGGER ") { &mut self.last } else { &mut self.body }
            .push(sql.to_owned());
    }

    fn definition(&mut self, statement: &Statement, sql: &str) {
        let created = statement.actions().find_map(|action| match action {
            Action::Create { kind, name, on, .. } => Some((*kind, name, on)),
            _ => None,
        });
        match created {
            Some((ObjectKind::Schema, name, _)) if name.name == "public" => {
                self.body.push("CREATE SCHEMA IF NOT EXISTS public".to_owned());
            }
            Some((ObjectKind::Policy, name, Some(on))) => {
                let schema = on.schema.clone().unwrap_or_default();
                let key = (schema, on.name.clone(), name.name.clone());
                let named = self.facts.policies.get(&key).into_iter().flatten();
                let roles: Vec<String> =
                    named.filter(|role| *role != "public" && !is_predefined(role)).cloned().collect();
                match roles.is_empty() {
                    true => self.body.push(sql.to_owned()),
                    false => self.guards.policy(format!("{} on {on}", name.name), roles, sql),
                }
            }
            Some((ObjectKind::EventTrigger, ..)) => self.last.push(sql.to_owned()),
            _ if sql.starts_with("ALTER EVENT TRIGGER ") => self.last.push(sql.to_owned()),
            _ if WITH_OPTIONS.iter().any(|start| sql.starts_with(start)) => {
                let (sql, taken) = without_secrets(sql);
                if taken {
                    self.note(
                        "values of options that look like passwords are left out: they are empty in the file",
                    );
                }
                self.body.push(sql);
            }
            _ => {
                if sql.starts_with("CREATE MATERIALIZED VIEW ") {
                    self.note("materialized views are made without rows: refresh them in a new database");
                }
                self.body.push(sql.to_owned());
            }
        }
    }

    fn note(&mut self, note: &str) {
        self.notes.insert(note.to_owned());
    }

    fn finish(self) -> Tidied {
        let Self { facts, mut body, last, guards, notes, .. } = self;
        // Said once for all tables when nothing else is said: then the server's default holds anyway.
        let heap = "SET LOCAL default_table_access_method = heap";
        let others =
            body.iter().any(|sql| sql.starts_with("SET LOCAL default_table_access_method") && sql != heap);
        body.retain(|sql| others || sql != heap);
        let roles = guards.roles();
        let mut text = format!("{HEAD}\n{SETTINGS}");
        if !facts.has_public {
            text.push_str(&format!("\n{NO_PUBLIC}"));
        }
        for sql in body.into_iter().chain(guards.blocks()).chain(last) {
            text.push_str(&format!("\n{sql};\n"));
        }
        Tidied { text, roles, notes: notes.into_iter().collect() }
    }
}

/// Roles that every server has.
fn is_predefined(role: &str) -> bool {
    role.starts_with("pg_")
}

#[cfg(test)]
mod tests;
