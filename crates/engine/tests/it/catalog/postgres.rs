//! What is read, and what reading does to the session.

use cofferdam::ErrorKind;
use cofferdam::catalog::postgres::read;
use cofferdam_analysis::catalog::{
    Action, Catalog, ConstraintKind, Ignore, Object, ObjectId, ObjectKind, QualifiedName, ReplicaIdentity,
    TableKind, fingerprint,
};
use cofferdam_testkit::postgres::{Database, majors};

use super::{catalog, run, told, torture};

#[tokio::test]
async fn two_reads_of_one_schema_are_equal_to_the_byte() {
    for major in majors() {
        let (_database, client) = torture(major).await;
        let (one, two) = (catalog(&client).await, catalog(&client).await);
        let text = one.to_snapshot().unwrap();
        assert_eq!(text, two.to_snapshot().unwrap());
        assert_eq!(told(&one, &two, &Ignore::nothing()), Vec::<String>::new());
        let back = Catalog::from_snapshot(&text).unwrap();
        assert_eq!(back, one);
        assert_eq!(fingerprint(&back), fingerprint(&one));
        assert!(!text.contains("hunter2"), "a server's secret stands in the snapshot");
    }
}

#[tokio::test]
async fn every_kind_of_object_is_read() {
    for major in majors() {
        let (_database, client) = torture(major).await;
        let found = catalog(&client).await;
        let wanted = [
            "schema \"Odd.Schema\"",
            "extension citext",
            "collation app.german",
            "type app.mood",
            "type app.point3",
            "type app.span",
            "type app.shelled",
            "domain app.email",
            "sequence app.ticket",
            "sequence public.notes_id_seq",
            "function app.area(double precision, double precision)",
            "function app.area(app.point3)",
            "procedure app.tidy(integer)",
            "aggregate app.total(app.point3)",
            "operator app.\"+\"(app.point3, app.point3)",
            "operator-class app.int_reverse(using btree)",
            "operator-family app.int_ops_family(using btree)",
            "cast \"app.mood as integer\"",
            "dictionary app.short",
            "configuration app.search",
            "conversion app.latin",
            "table public.users",
            "table \"Odd.Schema\".\"Größe \"\"x\"\" 🦀\"",
            "table app.events_2020_a",
            "table app.remote",
            "view public.active",
            "materialized-view app.summary",
            "statistics app.users_stats",
            "publication pub_some",
            "event-trigger watch_ddl",
            "server there",
            "foreign-data-wrapper nowhere",
            "default-privileges \"tables of postgres in app\"",
        ];
        for id in wanted {
            let id: ObjectId = id.replace("foreign-data-wrapper", "foreign-data wrapper").parse().unwrap();
            assert!(found.objects.contains_key(&id), "{id} is missing on Postgres {major}");
        }
        let stray = found.objects.keys().find(|id| {
            id.name.schema.as_deref().is_some_and(|s| s.starts_with("pg_"))
                || id.name.name.contains("citext_")
        });
        assert_eq!(stray, None, "system objects and extension members are left out");
    }
}

#[tokio::test]
async fn look_ups_answer_what_rules_ask() {
    let (_database, client) = torture(majors()[0]).await;
    let found = catalog(&client).await;
    let notes = found.table(None, "notes").unwrap();
    let order: Vec<_> = notes.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(order, ["id", "user_id", "body", "at", "during", "price", "wait", "raw", "ratio", "parent"]);
    assert_eq!(notes.replica_identity, ReplicaIdentity::Index("notes_pkey".into()));
    assert_eq!(notes.primary_key().unwrap().columns, ["id"]);
    let column = |name: &str| notes.column(name).unwrap();
    assert_eq!(column("price").type_, "numeric(10,2)");
    assert_eq!(column("at").default.as_deref(), Some("'2019-12-31 22:00:00+00'::timestamp with time zone"));
    assert_eq!(column("body").collation.as_deref(), Some("pg_catalog.\"POSIX\""));
    let price = notes.constraints.values().find(|c| c.columns == ["price"]).unwrap();
    assert_eq!((price.kind, price.validated), (ConstraintKind::Check, false));

    let name = QualifiedName::new("public", "notes");
    let key = found.foreign_keys_of(&name).find(|k| k.name == "notes_user_id_fkey");
    let key = key.unwrap();
    assert_eq!((key.reference.on_delete, key.reference.on_update), (Action::Cascade, Action::Restrict));
    assert!(key.constraint.initially_deferred);
    let users = QualifiedName::new("public", "users");
    let to: Vec<_> = found.foreign_keys_to(&users).map(|k| k.table.to_string()).collect();
    assert_eq!(to, ["app.events", "public.notes"], "clones on partitions are not told");

    let events = found.table(Some("app"), "events").unwrap();
    assert_eq!(
        (events.kind, events.partitioning.as_ref().unwrap().key.as_str()),
        (TableKind::Partitioned, "RANGE (at)")
    );
    let children: Vec<_> =
        found.children_of(&QualifiedName::new("app", "events")).map(ToString::to_string).collect();
    assert_eq!(children, ["app.events_2020", "app.events_2021"]);
    assert_eq!(found.table(None, "events_2021").unwrap().estimates.unwrap().rows, None, "nobody has counted");

    let (on, index) = found.index(None, "users_lower").unwrap();
    assert_eq!(on.name, users);
    assert_eq!(index.keys[0].expression.as_deref(), Some("lower((name)::text)"));
    assert!(index.keys[0].descending && index.predicate.is_some());
    assert_eq!(index.include, ["state"]);

    let name = ObjectId::column(users.clone(), "name");
    let on_name: Vec<_> = found.dependents(&name).map(ToString::to_string).collect();
    assert!(on_name.contains(&"view public.active".to_owned()), "{on_name:?}");
    assert!(on_name.contains(&"index public.users_lower".to_owned()), "{on_name:?}");
    let mood = ObjectId::new(ObjectKind::Type, QualifiedName::new("app", "mood"));
    let on_mood: Vec<_> = found.dependents(&mood).map(ToString::to_string).collect();
    assert!(on_mood.contains(&"column public.users.mood".to_owned()), "{on_mood:?}");
}

#[tokio::test]
async fn our_own_objects_are_left_out() {
    let (_database, client) = torture(majors()[0]).await;
    let before = catalog(&client).await;
    run(
        &client,
        "create schema cofferdam; create table cofferdam.meta (key text primary key, value text);
         create function cofferdam.catch() returns trigger language plpgsql as 'begin return new; end';
         create function cofferdam.on_ddl() returns event_trigger language plpgsql as 'begin end';
         create event trigger guard on ddl_command_start execute function cofferdam.on_ddl();
         create trigger catch after insert on public.notes for each row execute function cofferdam.catch();
         create publication cofferdam_feed for table public.notes;
         alter table public.notes add column _cofferdam_new text;
         create index _cofferdam_index on public.notes (price);
         create table public._cofferdam_log (id serial primary key);
         grant usage on schema cofferdam to public; comment on schema cofferdam is 'ours'",
    )
    .await;
    let after = catalog(&client).await;
    run(&client, "drop event trigger guard").await;
    assert_eq!(told(&before, &after, &Ignore::nothing()), Vec::<String>::new());
}

#[tokio::test]
async fn reading_leaves_the_session_as_it_was() {
    let database = Database::new(majors()[0]);
    let client = database.client().await;
    run(
        &client,
        "create table t (a date default '2020-03-04'); set search_path = public; set datestyle = 'SQL, DMY'",
    )
    .await;
    let outside = catalog(&client).await;
    run(&client, "begin; set local search_path = pg_temp; create table inside (a int)").await;
    let within = catalog(&client).await;
    assert_eq!(
        told(&outside, &within, &Ignore::nothing()),
        Vec::<String>::new(),
        "temporary tables are left out"
    );
    let path: String = client.query_one("show search_path", &[]).await.unwrap().get(0);
    assert_eq!(path, "pg_temp");
    run(&client, "create table public.kept (a int); commit").await;
    let shown = |name: &'static str| {
        let client = &client;
        async move { client.query_one(&format!("show {name}"), &[]).await.unwrap().get::<_, String>(0) }
    };
    assert_eq!(shown("search_path").await, "public");
    assert_eq!(shown("datestyle").await, "SQL, DMY");
    assert_eq!(told(&outside, &catalog(&client).await, &Ignore::nothing()), ["extra table public.kept"]);
}

#[tokio::test]
async fn a_failed_transaction_is_told_and_not_ended() {
    let database = Database::new(majors()[0]);
    let client = database.client().await;
    run(&client, "begin").await;
    client.batch_execute("select 1 / 0").await.unwrap_err();
    assert_eq!(read(&client).await.unwrap_err().kind(), ErrorKind::Conflict);
    run(&client, "rollback").await;
    assert!(read(&client).await.is_ok());
}

#[tokio::test]
async fn a_view_locked_by_another_session_blocks_until_the_timeout_only() {
    let database = Database::new(majors()[0]);
    let (client, other) = (database.client().await, database.client().await);
    run(&client, "create table t (a int); create view v as select a from t; set lock_timeout = '50ms'").await;
    run(&other, "begin; lock table t in access exclusive mode").await;
    let error = read(&client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Blocked);
    run(&other, "rollback").await;
    let found = catalog(&client).await;
    assert!(matches!(
        found.objects.values().find(|o| matches!(o, Object::View(_))),
        Some(Object::View(view)) if view.columns.len() == 1
    ));
}

#[tokio::test]
async fn what_the_session_prints_otherwise_is_read_alike() {
    let (database, client) = torture(majors()[0]).await;
    let plain = catalog(&client).await;
    let odd = database.client().await;
    run(
        &odd,
        "set datestyle = 'SQL, DMY'; set timezone = 'Asia/Tokyo'; set intervalstyle = 'sql_standard';
         set bytea_output = 'escape'; set extra_float_digits = -10; set quote_all_identifiers = on;
         set standard_conforming_strings = off; set search_path = app, public",
    )
    .await;
    let other = catalog(&odd).await;
    assert_eq!(super::in_full(&plain, &other, &Ignore::nothing()), "");
}
