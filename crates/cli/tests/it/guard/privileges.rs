//! Level `privileges`: whose things are, and that they are given back.

use cofferdam_testkit::postgres;
use serde_json::json;

use super::{SCHEMA, Scene};
use crate::project::document;

/// A database whose application owns everything, as it is found most often.
pub(super) struct App {
    pub(super) scene: Scene,
    pub(super) role: String,
}

/// Owners and grants of everything in the database that is not the server's own.
const WHOSE: &str = "
select string_agg(what, E'\\n' order by what) from (
    select format('%s %s %s', c.oid::regclass, pg_get_userbyid(c.relowner),
                  array(select a::text from aclexplode(coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::\"char\", c.relowner))) a order by 1)) as what
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'shop') and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    union all
    select format('%s %s %s', nspname, pg_get_userbyid(nspowner), array(select a::text from aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a order by 1))
    from pg_namespace where nspname in ('public', 'shop')
    union all
    select format('%s %s %s', typname, pg_get_userbyid(typowner), array(select a::text from aclexplode(coalesce(typacl, acldefault('T', typowner))) a order by 1))
    from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname in ('public', 'shop') and typtype in ('e', 'd', 'c')
    union all
    select format('%s %s %s', p.oid::regprocedure, pg_get_userbyid(proowner), array(select a::text from aclexplode(coalesce(proacl, acldefault('f', proowner))) a order by 1))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'shop')
    union all
    select format('%s %s %s', datname, pg_get_userbyid(datdba), array(select a::text from aclexplode(coalesce(datacl, acldefault('d', datdba))) a order by 1))
    from pg_database where datname = current_database()
    union all
    select format('default %s %s', pg_get_userbyid(defaclrole), defaclacl) from pg_default_acl
) w";

impl App {
    pub(super) fn new(major: u32) -> Self {
        let scene = Scene::empty(major);
        let role = format!("app_{}", scene.database.name());
        let name = scene.database.name();
        scene.database.psql(&format!(
            "create role {role} login; alter database \"{name}\" owner to {role}; alter schema public owner to {role}"
        ));
        scene.project.write("migrations/0001_first.sql", "create table first (a integer);");
        scene.run("migrate").run();
        scene.database.psql(&format!("alter table first owner to {role}"));
        scene.database.psql(&format!("set role {role}; {SCHEMA}"));
        Self { scene, role }
    }

    pub(super) fn install(&self) {
        let line = format!("guard install --level privileges --app-role {}", self.role);
        self.scene.run(&line).stdout_contains("guarded by privileges").run();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // Roles outlive databases.
        let own = format!("reassign owned by {0} to postgres; drop owned by {0}; drop role {0}", self.role);
        let _ = self.scene.database.address().run(self.scene.database.name(), &own);
    }
}

#[test]
fn the_application_reads_and_writes_rows_and_the_migrations_change_the_schema() {
    for major in postgres::majors() {
        let app = App::new(major);
        app.install();
        let said = |sql: &str| app.scene.said(&app.role, sql);
        for sql in [
            "insert into notes (body) values ('c'); update notes set status = 'x'; delete from tags",
            "select * from recent; select * from totals; select nextval('loose')",
            "insert into shop.orders (total) values (1)",
            "insert into events values ('2026-06-06', 'summer')",
            "create temp table t (a int); drop table t",
            "select shout('a'), 'good'::mood, 'a@b'::email",
        ] {
            assert!(said(sql).is_none(), "{sql} on {major}: {:?}", said(sql));
        }
        for sql in [
            "create table mine (a int)",
            "create schema mine",
            "alter table notes add column a int",
            "truncate tags",
        ] {
            assert_eq!(said(sql).expect("refused").state, "42501", "{sql}");
        }
        // What a migration makes belongs to the owner, and the application may use it.
        app.scene.project.write(
            "migrations/0002_more.sql",
            "create table more (id serial primary key, a integer);\nalter table notes add column rank integer;\n\
             -- cofferdam:allow drop-table it was empty\ndrop table first;\ncreate schema later;\ncreate table later.x (a int);\n",
        );
        app.scene.run("migrate").stderr_contains("1 applied").run();
        let owner = "select pg_get_userbyid(relowner) from pg_class where relname = 'more'";
        assert_eq!(app.scene.database.psql(owner), "cofferdam_owner");
        assert!(
            said("insert into more (a) values (1); insert into later.x values (1)").is_none(),
            "{:?}",
            said("insert into more (a) values (1); insert into later.x values (1)")
        );
        assert_eq!(said("drop table more").expect("refused").state, "42501");
        app.scene.run("guard status").stdout_contains("guarded by privileges").stdout_lacks("warning").run();
        app.scene.run("guard allow --for 1m --reason x").status(2).stderr_contains("cannot be lent").run();
        app.scene.run("guard remove").run();
    }
}

#[test]
fn owners_and_grants_come_back_exactly() {
    for major in postgres::majors() {
        let app = App::new(major);
        let reader = format!("reader_{}", app.scene.database.name());
        app.scene.database.psql(&format!(
            "create role {reader}; grant select on notes to {reader} with grant option; grant all on tags to {reader};
             grant usage, create on schema shop to {reader}; revoke connect on database \"{}\" from public;
             revoke execute on function shout(text) from public; grant truncate on events to public",
            app.scene.database.name()
        ));
        let before = app.scene.database.psql(WHOSE);
        app.install();
        assert_ne!(app.scene.database.psql(WHOSE), before);
        assert!(app.scene.said(&app.role, "select shout('a')").is_none());
        let again = document("guard", &app.scene.run("guard install --format json").run());
        assert_eq!((&again["complete"], &again["uncovered"]), (&true.into(), &json!([])), "{again:#}");
        app.scene.database.psql("set role cofferdam_owner; create table since (a integer)");
        app.scene.run("guard remove").run();
        app.scene.database.psql("drop table since");
        assert_eq!(app.scene.database.psql(WHOSE), before, "on {major}");
        app.scene.run("audit --verify").run();
        // Once more, and out by the other door.
        app.install();
        app.scene.run("uninstall --no-export").run();
        assert_eq!(app.scene.database.psql(WHOSE), before, "on {major}");
        app.scene.database.psql(&format!("drop owned by {reader} cascade; drop role {reader}"));
    }
}

#[test]
fn roles_that_would_keep_every_right_are_refused_before_anything_changes() {
    for major in postgres::majors() {
        let app = App::new(major);
        let before = app.scene.database.psql(WHOSE);
        let install =
            |role: &str| app.scene.run(&format!("guard install --level privileges --app-role {role}"));
        install("no_such_role").status(2).stderr_contains("there is no role").run();
        install("postgres").status(3).stderr_contains("superuser").run();
        app.scene.run("guard install --level privileges").status(2).stderr_contains("--app-role").run();
        app.scene
            .run(&format!("guard install --level event-trigger --app-role {}", app.role))
            .status(2)
            .run();
        app.scene.database.psql(&format!("alter role {} createrole", app.role));
        app.scene.database.psql(&format!(
            "grant all on schema cofferdam to {0}; alter table cofferdam.lease owner to {0}",
            app.role
        ));
        install(&app.role).status(3).stderr_contains("migrates itself").run();
        app.scene.database.psql(
            "alter table cofferdam.lease owner to postgres; alter table notes enable row level security",
        );
        install(&app.role).status(3).stderr_contains("row security").run();
        assert_eq!(app.scene.database.psql(WHOSE), before);
        let dry =
            app.scene.run(&format!("guard install --level privileges --app-role {} --dry-run", app.role));
        dry.status(3).run();
        app.scene.database.psql("alter table notes disable row level security");
        app.scene
            .run(&format!("guard install --app-role {} --dry-run", app.role))
            .stdout_contains("owner to \"cofferdam_owner\"")
            .run();
        assert_eq!(app.scene.database.psql(WHOSE), before);
    }
}

#[test]
fn a_dry_run_of_the_removal_shows_whose_everything_becomes() {
    for major in postgres::majors() {
        let app = App::new(major);
        app.install();
        let shown = app.scene.run("guard remove --dry-run").run().stdout;
        for sql in [
            format!("alter table public.notes owner to \"{}\"", app.role),
            format!("revoke select, insert, update, delete on tables from \"{}\"", app.role),
            "drop schema cofferdam_guard".to_owned(),
        ] {
            assert!(shown.contains(&sql), "{sql} in {shown}");
        }
        app.scene.run("guard remove").run();
        let shown = app.scene.run(&format!("guard install --dry-run --app-role {}", app.role)).run().stdout;
        for sql in
            ["create schema if not exists cofferdam_guard", "owner to \"cofferdam_owner\"", "-- not shown: "]
        {
            assert!(shown.contains(sql), "{sql} in {shown}");
        }
    }
}

#[test]
fn a_role_that_cannot_give_the_database_away_is_told_before_anything_changes() {
    for major in postgres::majors() {
        let scene = Scene::empty(major);
        let name = scene.database.name().to_owned();
        let (app, migrator) = (format!("app_{name}"), format!("migrator_{name}"));
        scene.database.psql(&format!(
            "create role {app} login; create role {migrator} login createrole; grant {app} to {migrator};
             alter database \"{name}\" owner to {app}; alter schema public owner to {app};
             grant create on schema public to {migrator}"
        ));
        scene.project.write("migrations/0001_create.sql", "create table notes (id bigint, body text);");
        scene.as_role(&migrator, "migrate").run();
        let before = scene.database.psql(WHOSE);
        let install =
            || scene.as_role(&migrator, &format!("guard install --level privileges --app-role {app}"));
        install().status(2).stderr_contains("may not give it away").stderr_contains("createdb").run();
        assert_eq!(scene.database.psql(WHOSE), before, "on {major}");
        assert_eq!(
            scene.database.psql("select count(*) from pg_namespace where nspname = 'cofferdam_guard'"),
            "0"
        );
        scene.as_role(&migrator, "guard status").stdout_contains("no guard").run();
        scene.database.psql(&format!("alter database \"{name}\" owner to {migrator}"));
        install().stdout_contains("guarded by privileges").run();
        scene.as_role(&migrator, "guard remove").run();
        scene.database.psql(&format!(
            "reassign owned by {app}, {migrator} to postgres; drop owned by {app}, {migrator}; drop role {app}; drop role {migrator}"
        ));
    }
}

#[test]
fn one_level_stands_at_a_time() {
    let app = App::new(*postgres::majors().last().expect("a major"));
    app.install();
    app.scene.run("guard install --level event-trigger").status(3).stderr_contains("guard remove").run();
    app.scene.run("guard remove").run();
    app.scene.run("guard install").run();
    let line = format!("guard install --level privileges --app-role {}", app.role);
    app.scene.run(&line).status(3).stderr_contains("guard remove").run();
}

#[test]
fn a_role_without_superpowers_installs_migrates_and_removes() {
    for major in postgres::majors() {
        let scene = Scene::empty(major);
        let name = scene.database.name().to_owned();
        let (app, migrator) = (format!("app_{name}"), format!("migrator_{name}"));
        scene.database.psql(&format!(
            "create role {app} login; create role {migrator} login createrole createdb; grant {app} to {migrator};
             alter database \"{name}\" owner to {app}; alter schema public owner to {app};
             grant create on schema public to {migrator}"
        ));
        scene.project.write("migrations/0001_create.sql", "create table notes (id bigint, body text);");
        scene.as_role(&migrator, "migrate").run();
        scene.database.psql(&format!("set role {app}; create table theirs (a integer)"));
        let before = scene.database.psql(WHOSE);
        let install =
            || scene.as_role(&migrator, &format!("guard install --level privileges --app-role {app}"));
        install().stdout_contains("guarded by privileges").run();
        assert_eq!(scene.said(&app, "drop table theirs").expect("refused").state, "42501");
        scene.project.write("migrations/0002_drop.sql", "-- cofferdam:allow drop-column nobody reads it\nalter table notes drop column body;\ncreate index on theirs (a);");
        scene.as_role(&migrator, "migrate").run();
        scene.as_role(&migrator, "guard remove").run();
        assert_eq!(scene.database.psql(WHOSE), before, "on {major}");
        scene.database.psql(&format!(
            "reassign owned by {app}, {migrator} to postgres; drop owned by {app}, {migrator}; drop role {app}; drop role {migrator}"
        ));
    }
}
