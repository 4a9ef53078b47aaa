//! Level `privileges`: the tables belong to a role that nobody logs in as.

use cofferdam_analysis::{Error, Result};
use serde_json::json;
use tokio_postgres::{Client, Row};

use super::{GuardReport, Level, Options, Standing};
use crate::Project;
use crate::crash::{self, CrashPoint};
use crate::db::{DbResult, Ident, Session};
use crate::ledger::{self, guard};
use crate::runner::postgres::{Owned, Runner, default_privileges, for_each, owned};

/// Who owns the tables.
const OWNER_ROLE: &str = "cofferdam_owner";

/// What is to be done.
pub(super) struct Wanted {
    app: String,
    /// Roles that migrate, and so must be members of the owner's.
    members: Vec<String>,
    /// The owner's role is there.
    role_there: bool,
    major: u32,
    /// Given to what is made between installing and removing.
    fallback: String,
    objects: Vec<Owned>,
}

/// Facts about the roles, before anything is changed.
struct Roles {
    app_there: bool,
    app_super: bool,
    app_is_member_of: Option<String>,
    own: String,
    own_super: bool,
    may_create_roles: bool,
    ledger_owner: String,
    ledger_owner_super: bool,
    role_there: bool,
    role_logs_in: bool,
    row_security: Option<String>,
    /// What giving a database away asks for, besides owning it.
    may_create_databases: bool,
}

impl Roles {
    async fn read(client: &Client, app: &str) -> Result<Roles> {
        let row: Row = client.query_one(include_str!("sql/roles.sql"), &[&app, &OWNER_ROLE]).await.db()?;
        Ok(Roles {
            app_there: row.get(0),
            app_super: row.get(1),
            app_is_member_of: row.get(2),
            own: row.get(3),
            own_super: row.get(4),
            may_create_roles: row.get(5),
            ledger_owner: row.get(6),
            ledger_owner_super: row.get(7),
            role_there: row.get(8),
            role_logs_in: row.get(9),
            row_security: row.get(10),
            may_create_databases: row.get(11),
        })
    }

    /// # Errors
    /// `Invalid` and `Refused`, with the way out.
    fn check(&self, app: &str) -> Result<()> {
        if !self.app_there {
            return Err(Error::invalid(format!("there is no role {app}"))
                .hint("--app-role names the role that the application logs in as"));
        }
        if self.app_super {
            return Err(Error::refused(format!("{app} is a superuser, whom no right stops"))
                .hint("let the application log in as an ordinary role"));
        }
        if let Some(other) = &self.app_is_member_of {
            let what =
                if other == app { "migrates itself".to_owned() } else { format!("is a member of {other}") };
            return Err(Error::refused(format!("{app} {what}: it would keep every right")).hint(
                "make a role of its own for migrations, give the ledger to it, and name that role in the URL \
                 that cofferdam is run with",
            ));
        }
        if self.role_there && self.role_logs_in {
            return Err(Error::refused(format!(
                "the role {OWNER_ROLE} is there, and can log in or is a superuser"
            ))
            .hint(format!("alter role {OWNER_ROLE} nologin nosuperuser")));
        }
        if !self.role_there && !self.may_create_roles {
            return Err(Error::invalid(format!("the role {} may not create roles", self.own))
                .hint(format!("create role {OWNER_ROLE} nologin; grant {OWNER_ROLE} to {}", self.own)));
        }
        if let Some(table) = &self.row_security {
            return Err(Error::refused(format!(
                "row security of {table} does not bind {app} now, as its owner, and would then"
            ))
            .hint(
                "alter table .. force row level security first, and see that the application still works",
            ));
        }
        Ok(())
    }
}

/// Looks whether it can be done, and what there is to do. Writes nothing.
pub(super) async fn preflight(
    session: &Session,
    standing: Option<&Standing>,
    options: &Options,
) -> Result<Wanted> {
    let stands = standing.and_then(|standing| standing.app_role.clone());
    let app = match (options.app_role.clone(), stands) {
        (Some(asked), Some(stands)) if asked != stands => {
            return Err(Error::refused(format!("the guard was installed for the role {stands}"))
                .hint("take it out first: cofferdam guard remove"));
        }
        (Some(app), _) | (None, Some(app)) => app,
        (None, None) => {
            return Err(Error::invalid("level privileges needs the role that the application logs in as")
                .hint("cofferdam guard install --level privileges --app-role ROLE"));
        }
    };
    let roles = Roles::read(session, &app).await?;
    roles.check(&app)?;
    let objects = owned(session, &app).await?;
    if let Some(object) = objects.iter().find(|object| !object.ours && needs_new_owner(object)) {
        let Owned { kind, name, owner, .. } = object;
        return Err(Error::invalid(format!(
            "{kind} {name} belongs to {owner}, and {} may not give it away",
            roles.own
        ))
        .hint(format!(
            "alter {kind} {name} owner to {0}; or: grant {1} to {0}; or run this as a superuser",
            Ident::new(roles.own.as_str())?,
            Ident::new(owner.as_str())?
        )));
    }
    let given = |object: &&Owned| object.kind == "database" && needs_new_owner(object);
    if let Some(Owned { name, owner, .. }) = objects.iter().find(given)
        && !roles.may_create_databases
    {
        return Err(Error::invalid(format!(
            "the database {name} belongs to {owner}, so that {app} could drop it, and {} may not give it away",
            roles.own
        ))
        .detail("the server asks for createdb to change a database's owner; nothing was changed")
        .hint(format!(
            "as a superuser: alter role {0} createdb; or: alter database {name} owner to {0}",
            Ident::new(roles.own.as_str())?
        )));
    }
    let mut members = Vec::new();
    for (role, is_super) in [(&roles.own, roles.own_super), (&roles.ledger_owner, roles.ledger_owner_super)] {
        if !is_super && !members.contains(role) {
            members.push(role.clone());
        }
    }
    Ok(Wanted {
        fallback: most_frequent_owner(&objects).unwrap_or(roles.ledger_owner),
        app,
        members,
        role_there: roles.role_there,
        major: session.major(),
        objects,
    })
}

/// A database belongs to somebody else only where the application could drop it.
fn needs_new_owner(object: &Owned) -> bool {
    object.owner != OWNER_ROLE && (object.kind != "database" || object.droppable)
}

fn most_frequent_owner(objects: &[Owned]) -> Option<String> {
    let tables: Vec<&str> = objects
        .iter()
        .filter(|object| object.kind == "table" && object.owner != OWNER_ROLE)
        .map(|object| object.owner.as_str())
        .collect();
    let count = |owner: &str| tables.iter().filter(|other| **other == owner).count();
    tables.iter().max_by_key(|owner| count(owner)).map(|owner| (*owner).to_owned())
}

impl Wanted {
    /// What `--dry-run` shows.
    pub(super) fn sql(&self) -> Vec<String> {
        let mut sql = self.roles().unwrap_or_default();
        for object in &self.objects {
            sql.extend(self.change(object).unwrap_or_default());
        }
        sql
    }

    fn roles(&self) -> Result<Vec<String>> {
        let (role, app) = (Ident::new(OWNER_ROLE)?, Ident::new(self.app.as_str())?);
        let mut sql = Vec::new();
        if !self.role_there {
            // Another database of the cluster may be guarded at the same moment.
            sql.push(format!(
                "do $$ begin create role {role} nologin; \
                 exception when duplicate_object or unique_violation then null; end $$"
            ));
        }
        for member in &self.members {
            // From 16 on a member may be one without the right to act as the role.
            let options = if self.major >= 16 { " with inherit true, set true" } else { "" };
            sql.push(format!("grant {role} to {}{options}", Ident::new(member.as_str())?));
        }
        sql.extend(default_privileges(&role, &app, true));
        Ok(sql)
    }

    /// The application keeps what rights it has, but for those to drop, truncate and create.
    fn change(&self, object: &Owned) -> Result<Vec<String>> {
        let (role, app) = (Ident::new(OWNER_ROLE)?, Ident::new(self.app.as_str())?);
        let Owned { kind, class, name, rights, .. } = object;
        let mut sql = Vec::new();
        if needs_new_owner(object) {
            sql.extend(object.hand_to(OWNER_ROLE)?);
        } else if kind == "database"
            && !object.acl.iter().any(|e| e == &format!("CREATE|false|role {OWNER_ROLE}"))
        {
            sql.push(format!("grant create on database {name} to {role}"));
        }
        let grantee = format!("|role {}", self.app);
        let kept = |right: &str| {
            let has = |entry: &String| entry.ends_with(&grantee) || entry.ends_with("|public");
            object.acl.iter().any(|entry| entry.starts_with(&format!("{right}|")) && has(entry))
        };
        let lacking: Vec<&str> = rights.iter().map(String::as_str).filter(|right| !kept(right)).collect();
        if !lacking.is_empty() {
            sql.push(format!("grant {} on {class} {name} to {app}", lacking.join(", ").to_lowercase()));
        }
        let taken = match class.as_str() {
            "table" => "truncate",
            "schema" | "database" => "create",
            _ => return Ok(sql),
        };
        for whom in [self.app.as_str(), "public"] {
            let grantee = if whom == "public" { "public".to_owned() } else { format!("role {whom}") };
            let upper = taken.to_uppercase();
            let has = |entry: &String| {
                entry.starts_with(&format!("{upper}|")) && entry.ends_with(&format!("|{grantee}"))
            };
            if object.acl.iter().any(has) {
                let from = if whom == "public" { whom.to_owned() } else { app.to_string() };
                sql.push(format!("revoke {taken} on {class} {name} from {from}"));
            }
        }
        Ok(sql)
    }
}

/// Declares the guard, makes the role, then hands the objects over, a few at a time.
pub(super) async fn install(
    runner: &mut Runner<'_>,
    project: &Project,
    wanted: &Wanted,
    declare: impl AsyncFn(&Client, Level) -> Result<()>,
) -> Result<()> {
    runner
        .fenced(async |client| {
            declare(client, Level::Privileges).await?;
            guard::set(client, "app_role", &wanted.app).await?;
            guard::set(client, "owner_role", OWNER_ROLE).await?;
            if !wanted.role_there {
                guard::set(client, "made_role", "yes").await?;
            }
            let sql =
                "insert into cofferdam_guard.state values ('fallback_owner', $1) on conflict do nothing";
            client.execute(sql, &[&wanted.fallback]).await.db()?;
            for sql in wanted.roles()? {
                client.batch_execute(&sql).await.db()?;
            }
            let detail =
                json!({"level": Level::Privileges, "app_role": wanted.app, "owner_role": OWNER_ROLE});
            ledger::postgres::audit(client, &project.actor, "guard-install", &detail.to_string()).await?;
            crash::hit(CrashPoint::GuardDeclared);
            Ok(())
        })
        .await?;
    crash::hit(CrashPoint::GuardCommitted);
    for_each(runner, &wanted.objects, CrashPoint::GuardSpread, async |client, object| {
        let changes = wanted.change(object)?;
        if changes.is_empty() && object.kind != "owned sequence" {
            return Ok(());
        }
        if object.owner != OWNER_ROLE || object.kind == "database" {
            let sql = include_str!("sql/remember.sql");
            let Owned { kind, oid, name, owner, acl, .. } = object;
            client.execute(sql, &[kind, oid, name, owner, acl]).await.db()?;
        }
        for sql in changes {
            client.batch_execute(&sql).await.db()?;
        }
        Ok(())
    })
    .await?;
    runner.fenced(async |client| guard::set(client, "complete", "yes").await).await
}

/// What the application could still drop.
pub(super) async fn missing(client: &Client, standing: &Standing, report: &mut GuardReport) -> Result<()> {
    let app = standing.app_role.clone().unwrap_or_default();
    let owner_role = standing.owner_role.clone().unwrap_or_default();
    let rows = client.query(include_str!("sql/truncatable.sql"), &[&app]).await.db()?;
    let truncatable: Vec<u32> = rows.iter().map(|row| row.get(0)).collect();
    for object in owned(client, &app).await? {
        let Owned { kind, name, owner, .. } = &object;
        if kind == "table" && (object.droppable || truncatable.contains(&object.oid)) {
            report.uncovered.push(name.clone());
        } else if object.droppable {
            report.missing.push(format!("{app} may drop {kind} {name}, which belongs to {owner}"));
        }
        if kind == "table" && *owner != owner_role && !object.droppable {
            report.missing.push(format!("table {name} belongs to {owner}: migrations run as {owner_role}"));
        }
    }
    let rows = client.query(include_str!("sql/extensions.sql"), &[&app]).await.db()?;
    let extensions = rows.iter().map(|row| row.get::<_, String>(0));
    report.told = rows.len();
    report.missing.extend(extensions.map(|name| {
        format!("{app} may drop the extension {name}, which belongs to it; an extension cannot be given away")
    }));
    Ok(())
}
