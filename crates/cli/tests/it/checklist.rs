//! The operator's list: written by `plan`, ticked by `migrate`, shown by `status`.

use cofferdam_testkit::postgres::{Database, majors};

use crate::project::{Project, document};

const CREATE: &str = "create table notes (id integer primary key, body text not null);\n";
const STATUS: &str = "alter table notes add column status text;\n";

fn project() -> Project {
    Project::new()
        .file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n")
        .file("migrations/0001_create.sql", CREATE)
        .file("migrations/0002_status.sql", STATUS)
        .file("migrations/0002_status.down.sql", "alter table notes drop column status;\n")
}

fn step<'t>(text: &'t str, id: &str) -> &'t str {
    let comment = format!("<!-- cofferdam:step {id} -->");
    text.lines().find(|line| line.contains(&comment)).unwrap_or_else(|| panic!("no {id} in {text}"))
}

#[test]
fn a_list_is_written_ticked_and_shown() {
    let project = project();
    let plan = document("plan", &project.cofferdam("plan --checklist deploy.md --format json").run());
    assert_eq!((&plan["checklist"]["file"], &plan["checklist"]["done"]), (&"deploy.md".into(), &0.into()));
    let text = project.read("deploy.md");
    assert!(text.starts_with("<!-- cofferdam:checklist {\"format\":1,"), "{text}");
    assert!(text.contains("the way back: `cofferdam rollback 0001`, by `migrations/0002_status.down.sql`\n"));
    assert!(text.contains("no backup is known to Cofferdam; take one: `sqlite3 notes.db '.backup"), "{text}");
    // Asked before there is a database; `status` has none to ask.
    project.cofferdam("migrate --to 1").stderr_contains("checklist deploy.md: 1 of ").run();
    let text = project.read("deploy.md");
    assert!(step(&text, "0001").starts_with("- [x] 0001: "), "{text}");
    assert!(step(&text, "0001").contains("--> (done 20") && step(&text, "0001").ends_with("s)"), "{text}");
    assert!(step(&text, "0002").starts_with("- [ ] 0002: "), "{text}");
    let status = document("status", &project.cofferdam("status --format json").run());
    assert_eq!(
        (&status["checklist"]["file"], &status["checklist"]["done"]),
        (&"deploy.md".into(), &1.into())
    );
    project.cofferdam("status").stdout_contains("\nchecklist deploy.md: 1 of 9 done, next: Backup").run();
    project.cofferdam("migrate").run();
    let text = project.read("deploy.md");
    for done in ["0002 --> (done 20", "check status --> (done 20", "check audit --> (done 20"] {
        assert!(text.contains(done), "{done} in {text}");
    }
    // What is taken back is open again; nobody else's tick is touched.
    project.write("deploy.md", project.read("deploy.md").replacen("- [ ] Backup", "- [x] Backup", 1));
    project.cofferdam("rollback").run();
    project.cofferdam("status").run();
    let text = project.read("deploy.md");
    assert!(
        step(&text, "0002").starts_with("- [ ] 0002: ") && step(&text, "0002").ends_with("-->"),
        "{text}"
    );
    assert!(text.contains("- [x] Backup") && text.contains("- [ ] `cofferdam status`"), "{text}");
}

#[test]
fn the_failed_step_stays_open_with_its_error_and_is_ticked_after_the_repair() {
    let project = project().file("migrations/0003_wrong.sql", "insert into nope values (1);\n");
    project.cofferdam("plan --checklist deploy.md").run();
    project.cofferdam("migrate").status(1).run();
    let text = project.read("deploy.md");
    assert!(step(&text, "0002").starts_with("- [x] "), "{text}");
    assert!(step(&text, "0003").starts_with("- [ ] 0003: "), "{text}");
    assert!(
        step(&text, "0003").ends_with("(failed: cannot apply 0003_wrong.sql: no such table: nope)"),
        "{text}"
    );
    project.write("migrations/0003_wrong.sql", "insert into notes (body) values ('a');\n");
    project.cofferdam("migrate").run();
    let text = project.read("deploy.md");
    assert!(step(&text, "0003").starts_with("- [x] 0003: ") && !text.contains("failed"), "{text}");
}

#[test]
fn an_existing_file_is_replaced_only_if_it_is_a_list_of_this_database() {
    let project = project().file("README.md", "# Mine\n");
    project.cofferdam("plan --checklist README.md").status(3).stderr_contains("README.md").run();
    assert_eq!(project.read("README.md"), "# Mine\n");
    project.cofferdam("plan --checklist deploy.md").run();
    let other = "plan --checklist deploy.md --database-url sqlite:other.db";
    let written = project.read("deploy.md");
    project.cofferdam(other).status(3).stderr_contains("another database").run();
    assert_eq!(project.read("deploy.md"), written);
    // A list of another database is nobody's to tick.
    project.cofferdam("migrate --database-url sqlite:other.db").stderr_lacks("checklist").run();
    assert_eq!(project.read("deploy.md"), written);
    project
        .cofferdam("status --checklist deploy.md --database-url sqlite:other.db")
        .status(3)
        .stderr_contains("another database")
        .run();
    project.cofferdam("migrate --to 1").run();
    // A database made anew at the same place is another one.
    std::fs::remove_file(project.path("notes.db")).expect("removed");
    project.cofferdam("migrate --to 1").stderr_lacks("checklist").run();
}

#[test]
fn a_list_is_written_anew_with_the_ticks_that_hold_and_the_notes() {
    let project = project();
    project.cofferdam("plan --checklist deploy.md").run();
    let edited = project.read("deploy.md").replacen("- [ ] Backup", "- [x] Backup", 1) + "Bob is on call.\n";
    project.write("deploy.md", edited);
    project.cofferdam("migrate --to 1").run();
    project.cofferdam("plan --checklist deploy.md").run();
    let text = project.read("deploy.md");
    assert!(text.contains("- [x] Backup") && text.ends_with("Bob is on call.\n"), "{text}");
    assert!(!text.contains("cofferdam:step 0001 ") && text.contains("cofferdam:step 0002 "), "{text}");
    assert_eq!(project.files().iter().filter(|file| file.contains("cofferdam-part")).count(), 0);
}

#[test]
fn the_list_is_found_beside_the_migrations_and_beside_the_configuration() {
    for place in ["deploy", "deploy/changes"] {
        let project = Project::new()
            .file(
                "deploy/cofferdam.toml",
                "database_url = \"sqlite:notes.db\"\n[migrations]\ndir = \"changes\"\n",
            )
            .file("deploy/changes/0001_create.sql", CREATE);
        let cofferdam = |line: &str| project.cofferdam(line).env("COFFERDAM_CONFIG", "deploy/cofferdam.toml");
        cofferdam(&format!("plan --checklist {place}/list.md")).run();
        cofferdam("migrate").stderr_contains(&*format!("checklist {place}/list.md: 3 of ")).run();
    }
}

#[test]
fn nothing_that_is_wrong_with_a_list_fails_a_migration() {
    let project = project();
    project
        .cofferdam("migrate --to 1 --checklist nope.md")
        .stderr_contains("the checklist was not ticked")
        .run();
    project.write("list.md", "# Mine\n");
    project.cofferdam("migrate --checklist list.md").stderr_contains("the checklist was not ticked").run();
    project.cofferdam("status --checklist nope.md").status(2).run();
    project.cofferdam("status --checklist list.md").status(3).run();
    assert_eq!(project.read("list.md"), "# Mine\n");
}

#[test]
fn a_newer_format_is_left_alone() {
    let project = project();
    project.cofferdam("plan --checklist deploy.md").run();
    let newer = project.read("deploy.md").replacen("\"format\":1", "\"format\":2", 1);
    project.write("deploy.md", &newer);
    project.cofferdam("plan --checklist deploy.md").status(2).stderr_contains("format 2").run();
    project.cofferdam("migrate").stderr_lacks("checklist").run();
    assert_eq!(project.read("deploy.md"), newer);
}

#[test]
fn on_sqlite_room_for_the_copy_and_copies_left_behind_are_told() {
    let rebuild = "create table notes_new (id integer primary key, body text not null, rank integer);
insert into notes_new (id, body) select id, body from notes;
drop table notes;
alter table notes_new rename to notes;\n";
    let project = Project::new()
        .file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n")
        .file("migrations/0001_create.sql", CREATE);
    project.cofferdam("migrate").run();
    project.write(
        "migrations/0002_rebuild.sql",
        format!("-- cofferdam:allow sqlite-rebuild-fk-on no children\n{rebuild}"),
    );
    project.cofferdam("plan --checklist deploy.md").any_status().run();
    let text = project.read("deploy.md");
    assert!(text.contains("Disk: there is room beside the file for the copy"), "{text}");
    assert!(text.contains("by the copy made before it"), "{text}");
    project.write("notes.db.before-0001.run-9.ab", "old");
    project.cofferdam("plan --checklist deploy.md").any_status().run();
    let text = project.read("deploy.md");
    assert!(text.contains("Leftovers of earlier work: 1 to look at"), "{text}");
    assert!(text.contains("a copy: `notes.db.before-0001.run-9.ab`, 3 bytes"), "{text}");
}

#[test]
fn on_postgres_the_list_says_who_is_in_the_way_and_what_was_left_behind() {
    for major in majors() {
        let database = Database::new(major);
        let project = Project::new()
            .file("migrations/0001_create.sql", "create table notes (id bigint primary key, body text);\n");
        let cofferdam = |line: &str| project.cofferdam(line).env("DATABASE_URL", database.url());
        cofferdam("migrate").run();
        database.psql("insert into notes values (1, 'a'), (2, 'a')");
        database.psql("alter table notes add constraint short check (length(body) < 9) not valid");
        if major >= 18 {
            database.psql("alter table notes add constraint meant check (length(body) < 9) not enforced");
        }
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let client = runtime.block_on(database.client());
        let failed =
            runtime.block_on(client.batch_execute("create unique index concurrently twice on notes (body)"));
        assert!(failed.is_err());
        runtime
            .block_on(client.batch_execute(
                "set application_name = 'batch `job`'; begin; update notes set body = 'hunter2'",
            ))
            .expect("an open transaction");
        project.write("migrations/0002_status.sql", "alter table notes add column status text;\n");
        project.write(
            "migrations/0003_index.sql",
            "create index concurrently notes_status on notes (status);\ncreate index concurrently notes_body on notes (body);\n",
        );
        let plan = document("plan", &cofferdam("plan --checklist deploy.md --format json").run());
        let text = project.read("deploy.md");
        assert_eq!(plan["checklist"]["done"], 0, "{text}");
        for says in [
            "Leftovers of earlier work: 2 to look at",
            "invalid index `public.twice` on `public.notes`",
            "constraint not validated `short` on `public.notes`",
            "Long transactions and locks in the way: 1 session to wait for or to end",
            "application `` batch `job` ``",
            "idle in transaction`, holds `RowExclusive on public.notes`",
            "Connections: 2 are needed and free",
            "1 in this database are idle in a transaction",
            "- `public.notes`: ",
            "take one: `pg_dump --format=custom --file=",
            "<!-- cofferdam:step 0003/2 -->",
            "AccessExclusive on `public.notes`",
        ] {
            assert!(text.contains(says), "{major}: {says} in {text}");
        }
        assert!(!text.contains("hunter2"), "values got into a file: {text}");
        assert!(!text.contains("meant"), "{text}");
        runtime.block_on(client.batch_execute("rollback; drop index twice")).expect("given back");
        drop(client);
        cofferdam("migrate").run();
        let text = project.read("deploy.md");
        for id in ["0002", "0003/1", "0003/2"] {
            assert!(
                step(&text, id).starts_with("- [x] ") && step(&text, id).ends_with("s)"),
                "{id} in {text}"
            );
        }
    }
}

#[test]
fn a_table_that_somebody_keeps_locked_does_not_keep_the_list() {
    let database = Database::new(*majors().last().expect("a major"));
    let project = Project::new()
        .file("migrations/0001_create.sql", "create table notes (id bigint primary key, body text);\n");
    let cofferdam = |line: &str| project.cofferdam(line).env("DATABASE_URL", database.url());
    cofferdam("migrate").run();
    // Nothing of the catalog is printed for a plain table, so only its size would wait.
    let facts = async {
        let client = database.client().await;
        client.batch_execute("begin; lock table notes in access exclusive mode").await.expect("a lock");
        client
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(facts);
    let target = cofferdam::db::Target::parse(&database.url()).expect("a target");
    let project = cofferdam::Project {
        target,
        connect: cofferdam::db::ConnectOptions::default(),
        folder: cofferdam::folder::Folder::read(&project.path("migrations"), None).expect("a folder"),
        format_given: false,
        out_of_order: None,
        actor: "test".to_owned(),
        protection: cofferdam::ledger::Protection::default(),
    };
    let ask = cofferdam::preflight::Ask {
        tables: vec![cofferdam::preflight::NeededTable {
            schema: "public".to_owned(),
            name: "notes".to_owned(),
            mode: cofferdam_analysis::plan::lock::LockMode::AccessExclusive,
            rewritten: None,
        }],
        copy: false,
        long_after: std::time::Duration::from_secs(3600),
    };
    let facts = runtime.block_on(cofferdam::preflight::facts(&project, &ask)).expect("facts");
    assert!(!facts.space.tables[0].exact);
    let sessions = facts.sessions.expect("sessions");
    assert_eq!(sessions[0].holds, ["AccessExclusive on public.notes"]);
    drop(client);
}

#[test]
fn findings_of_steps_that_are_done_are_settled() {
    let project = project().file("migrations/0003_drop.sql", "drop table notes;\n");
    project.cofferdam("migrate --to 0002").run();
    project.cofferdam("plan --checklist deploy.md").status(1).run();
    let text = project.read("deploy.md");
    assert!(text.contains("- [ ] Findings: migrate would refuse"), "{text}");
    assert!(!text.contains("no command that compares") && text.contains("`cofferdam diff`"), "{text}");
    project.cofferdam("status").stdout_contains("next: Findings").run();
    project.cofferdam("migrate --allow drop-table --reason nobody-reads-it").run();
    let text = project.read("deploy.md");
    assert!(text.contains("- [x] Findings: migrate would refuse"), "{text}");
    project.cofferdam("status").stdout_contains("next: Backup").run();
}
