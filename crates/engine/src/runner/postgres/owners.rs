//! Whose the user's objects are: read for level `privileges`, and given back as they were.

use std::collections::BTreeSet;

use cofferdam_analysis::plan::lock::LockMode;
use cofferdam_analysis::sql::ObjectName;
use cofferdam_analysis::{Error, Result};
use tokio_postgres::{Client, Row};

use super::{GUARD_TABLES_AT_ONCE, Runner};
use crate::Event;
use crate::crash::{self, CrashPoint};
use crate::db::{DbResult, Ident};
use crate::ledger::guard;

/// An object of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    /// As `alter` names it: `table`, `materialized view`, `owned sequence` ...
    pub(crate) kind: String,
    /// As `grant` names it.
    pub(crate) class: String,
    pub(crate) oid: u32,
    /// Quoted, with its schema and arguments.
    pub(crate) name: String,
    pub(crate) owner: String,
    /// This session's role may give it away.
    pub(crate) ours: bool,
    /// `PRIVILEGE|grantable|grantee`.
    pub(crate) acl: Vec<String>,
    /// What the application's role may do with it now, of what it is to keep.
    pub(crate) rights: Vec<String>,
    /// The application's role may drop it now.
    pub(crate) droppable: bool,
}

impl Owned {
    /// `alter .. owner to`, unless it has that owner, or follows its table.
    pub(crate) fn hand_to(&self, role: &str) -> Result<Option<String>> {
        if self.owner == role || self.kind == "owned sequence" {
            return Ok(None);
        }
        Ok(Some(format!("alter {} {} owner to {}", self.kind, self.name, Ident::new(role)?)))
    }
}

/// All of them, schemas before what they hold; rights as those of `app` (none when empty).
pub(crate) async fn owned(client: &Client, app: &str) -> Result<Vec<Owned>> {
    let rows = client.query(include_str!("sql/guard_objects.sql"), &[&app]).await.db()?;
    let one = |row: &Row| Owned {
        kind: row.get(0),
        class: row.get(1),
        oid: row.get(2),
        name: row.get(3),
        owner: row.get(4),
        ours: row.get(5),
        acl: row.get(6),
        rights: row.get(7),
        droppable: row.get(8),
    };
    Ok(rows.iter().map(one).collect())
}

/// Runs `each` for every object, tables a few at a time under their lock.
pub(crate) async fn for_each(
    runner: &mut Runner<'_>,
    objects: &[Owned],
    point: CrashPoint,
    each: impl AsyncFn(&Client, &Owned) -> Result<()>,
) -> Result<()> {
    for some in objects.chunks(GUARD_TABLES_AT_ONCE) {
        let tables: Vec<ObjectName> = some.iter().filter(|o| o.kind == "table").filter_map(named).collect();
        let work = async |client: &Client| {
            for object in some {
                each(client, object).await?;
            }
            Ok(())
        };
        runner.locked(&tables, LockMode::AccessExclusive, work).await?;
        crash::hit(point);
    }
    Ok(())
}

/// A table's name apart again; the server quoted it.
fn named(object: &Owned) -> Option<ObjectName> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut rest = object.name.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                parts.last_mut()?.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => parts.last_mut()?.push(c),
        }
    }
    match parts.as_slice() {
        [schema, name] => Some(ObjectName::qualified(schema.as_str(), name.as_str())),
        _ => None,
    }
}

/// What stood before, by kind and number.
struct Before {
    owner: String,
    acl: Vec<String>,
}

/// Gives every object back to whom it belonged, with the grants that it had. What came since
/// goes to the role that most tables belonged to.
pub(super) async fn give_back(runner: &mut Runner<'_>) -> Result<()> {
    let Some(standing) = guard::standing(runner.session()).await? else { return Ok(()) };
    let owner_role = standing.owner_role.unwrap_or_default();
    let app = standing.app_role.unwrap_or_default();
    let objects = owned(runner.session(), &app).await?;
    let mut strangers = objects.iter().filter(|object| !object.ours && object.owner == owner_role);
    if let Some(object) = strangers.next() {
        return Err(Error::invalid(format!(
            "{} {} is not this role's to give back",
            object.kind, object.name
        ))
        .hint(format!("run cofferdam guard remove as a member of {owner_role}, or as a superuser")));
    }
    let fallback = fallback_owner(runner.session()).await?;
    for_each(runner, &objects, CrashPoint::GuardGathered, async |client, object| {
        for sql in returned(client, object, &owner_role, fallback.as_deref()).await? {
            client.batch_execute(&sql).await.db()?;
        }
        Ok(())
    })
    .await?;
    end_role(runner, &owner_role, &app).await
}

/// Whose becomes what came since.
async fn fallback_owner(client: &Client) -> Result<Option<String>> {
    let sql = "select value from cofferdam_guard.state where key = 'fallback_owner'";
    Ok(client.query_opt(sql, &[]).await.db()?.map(|row| row.get(0)))
}

/// The statements of [`give_back`], for `--dry-run`. Writes nothing.
pub(crate) async fn giving_back(client: &Client) -> Result<Vec<String>> {
    let Some(standing) = guard::standing(client).await? else { return Ok(Vec::new()) };
    let (owner_role, app) = (standing.owner_role.unwrap_or_default(), standing.app_role.unwrap_or_default());
    let fallback = fallback_owner(client).await?;
    let mut sql = Vec::new();
    for object in owned(client, &app).await? {
        sql.extend(returned(client, &object, &owner_role, fallback.as_deref()).await?);
    }
    let role = Ident::new(owner_role)?;
    sql.extend(default_privileges(&role, &Ident::new(app)?, false));
    sql.push(format!("-- where this made the role and no other database uses it: drop role {role}"));
    Ok(sql)
}

/// What makes one object what it was.
async fn returned(
    client: &Client,
    object: &Owned,
    owner_role: &str,
    fallback: Option<&str>,
) -> Result<Vec<String>> {
    let sql = "select owner, acl from cofferdam_guard.before where kind = $1 and object = $2";
    let before = client.query_opt(sql, &[&object.kind, &object.oid]).await.db()?;
    let before = before.map(|row| Before { owner: row.get(0), acl: row.get(1) });
    let owner = match (&before, fallback) {
        (Some(before), _) => before.owner.as_str(),
        (None, Some(fallback)) if object.owner == owner_role => fallback,
        (None, _) => return Ok(Vec::new()),
    };
    let mut sql: Vec<String> = object.hand_to(owner)?.into_iter().collect();
    if let Some(before) = &before {
        sql.extend(grants_as(object, &before.acl, owner)?);
    }
    Ok(sql)
}

/// Makes the grants what they were, now that `owner` is the owner again.
fn grants_as(object: &Owned, acl: &[String], owner: &str) -> Result<Vec<String>> {
    let mut sql = Vec::new();
    // What the role had been granted it has as the owner now.
    let as_owner = |entry: &String| match entry.strip_suffix(&format!("|role {owner}")) {
        Some(right) => format!("{}|false|owner", right.split('|').next().unwrap_or(right)),
        None => entry.clone(),
    };
    let now: BTreeSet<String> = object.acl.iter().map(as_owner).collect();
    let then: BTreeSet<String> = acl.iter().cloned().collect();
    for gone in now.difference(&then) {
        let (right, _, whom) = entry(gone, owner)?;
        sql.push(format!("revoke {right} on {} {} from {whom}", object.class, object.name));
    }
    for missing in then.difference(&now) {
        let (right, grantable, whom) = entry(missing, owner)?;
        let option = if grantable { " with grant option" } else { "" };
        sql.push(format!("grant {right} on {} {} to {whom}{option}", object.class, object.name));
    }
    Ok(sql)
}

/// A right, whether it may be passed on, and who has it, quoted.
fn entry(text: &str, owner: &str) -> Result<(String, bool, String)> {
    let mut parts = text.splitn(3, '|');
    let (Some(right), Some(grantable), Some(whom)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(crate::ledger::damaged(format!("a grant that is none: {text}")));
    };
    if !right.chars().all(|c| c.is_ascii_uppercase() || c == ' ') {
        return Err(crate::ledger::damaged(format!("a right that is none: {right}")));
    }
    let whom = match whom.strip_prefix("role ") {
        Some(role) => Ident::new(role)?.to_string(),
        None if whom == "owner" => Ident::new(owner)?.to_string(),
        None => "public".to_owned(),
    };
    Ok((right.to_owned(), grantable.starts_with('t'), whom))
}

/// Takes the defaults back, and the role out where it is ours and of no other database.
async fn end_role(runner: &mut Runner<'_>, owner_role: &str, app: &str) -> Result<()> {
    let (role, app) = (Ident::new(owner_role)?, Ident::new(app)?);
    let kept = runner
        .fenced(async |client| {
            let there = "select exists (select from pg_roles where rolname = $1),
                                exists (select from cofferdam_guard.state where key = 'made_role')";
            let row = client.query_one(there, &[&owner_role]).await.db()?;
            let (there, made): (bool, bool) = (row.get(0), row.get(1));
            if !there {
                return Ok(false);
            }
            for sql in default_privileges(&role, &app, false) {
                client.batch_execute(&sql).await.db()?;
            }
            if !made {
                return Ok(true);
            }
            client.batch_execute("savepoint cofferdam_guard_role").await.db()?;
            if client.batch_execute(&format!("drop role {role}")).await.is_err() {
                // Another database's objects belong to it as well.
                client.batch_execute("rollback to savepoint cofferdam_guard_role").await.db()?;
                return Ok(true);
            }
            client.batch_execute("release savepoint cofferdam_guard_role").await.db()?;
            Ok(false)
        })
        .await?;
    if kept {
        runner
            .watch()
            .event(Event::Note { text: format!("the role {owner_role} stays: it is still in use") });
    }
    Ok(())
}

/// What later tables, sequences and schemas of the owner's role grant to the application's.
pub(crate) fn default_privileges(owner: &Ident, app: &Ident, grant: bool) -> Vec<String> {
    let verb = if grant { "grant" } else { "revoke" };
    let to = if grant { "to" } else { "from" };
    [
        ("select, insert, update, delete", "tables"),
        ("usage, select, update", "sequences"),
        ("usage", "schemas"),
    ]
    .into_iter()
    .map(|(rights, what)| {
        format!("alter default privileges for role {owner} {verb} {rights} on {what} {to} {app}")
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_the_server_quoted_is_taken_apart_again() {
        let table = |name: &str| Owned {
            kind: "table".into(),
            class: "table".into(),
            oid: 1,
            name: name.into(),
            owner: "o".into(),
            ours: true,
            acl: Vec::new(),
            rights: Vec::new(),
            droppable: false,
        };
        for (quoted, schema, name) in
            [("public.notes", "public", "notes"), (r#""a.b"."No""tes""#, "a.b", "No\"tes")]
        {
            assert_eq!(named(&table(quoted)), Some(ObjectName::qualified(schema, name)));
        }
    }

    #[test]
    fn a_grant_is_read_as_it_was_written_and_nothing_else_gets_into_the_statement() {
        assert_eq!(entry("SELECT|true|owner", "me").unwrap(), ("SELECT".into(), true, "\"me\"".into()));
        assert_eq!(entry("USAGE|false|public", "me").unwrap(), ("USAGE".into(), false, "public".into()));
        assert_eq!(entry("USAGE|f|role a|b", "me").unwrap(), ("USAGE".into(), false, "\"a|b\"".into()));
        assert!(entry("SELECT; drop|f|public", "me").is_err());
        assert!(entry("SELECT", "me").is_err());
    }
}
