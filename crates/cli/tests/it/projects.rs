//! Projects of other tools, without any configuration of ours.

use cofferdam_testkit::Cofferdam;

use crate::project::{Project, document};

const NOTES: &str = "create table notes (id integer primary key);\n";
const PRISMA: &str = "datasource db {\n  provider = \"sqlite\"\n  url      = env(\"DATABASE_URL\")\n}\n";

fn native() -> Project {
    Project::new().file("migrations/0001_notes.sql", NOTES)
}

/// The command line means this SQLite file, which nobody made yet.
#[track_caller]
fn means(command: Cofferdam, file: &str) {
    command.status(2).stderr_contains(format!("the database file {file} does not exist")).run();
}

#[test]
fn the_database_of_dotenv_is_used_when_nothing_else_names_one() {
    let project = native().file(".env", "# local\nexport DATABASE_URL=\"sqlite:notes.db\"\n");
    project.cofferdam("migrate").stderr_contains("1 applied").run();
    project.cofferdam("status -v").stderr_contains("database from .env (DATABASE_URL)").run();
    assert!(project.path("notes.db").exists());
}

#[test]
fn the_order_is_flag_then_variable_then_configuration_then_dotenv() {
    let project = native()
        .file(".env", "DATABASE_URL=sqlite:d.db\n")
        .file("cofferdam.toml", "database_url = \"sqlite:c.db\"\n");
    let status = |line: &str| project.cofferdam(&format!("status {line}"));
    means(status("--database-url sqlite:a.db").env("DATABASE_URL", "sqlite:b.db"), "a.db");
    means(status("").env("DATABASE_URL", "sqlite:b.db"), "b.db");
    means(status(""), "c.db");
    project.write("cofferdam.toml", "");
    means(status(""), "d.db");
}

#[test]
fn a_named_variable_may_stand_in_dotenv() {
    let project = native()
        .file(".env", "APP_DB=sqlite:notes.db\n")
        .file("deploy/cofferdam.toml", "database_url = \"env:APP_DB\"\n")
        .file("deploy/.env", "APP_DB=sqlite:other.db\n");
    let status = |line: &str| project.cofferdam(&format!("status {line}"));
    means(status("--database-url env:APP_DB"), "notes.db");
    means(status("--config deploy/cofferdam.toml"), "deploy/other.db");
    means(status("--database-url env:APP_DB").env("APP_DB", "sqlite:real.db"), "real.db");
}

#[test]
fn a_database_and_its_direct_url_never_come_from_two_places() {
    let settings = "database_url = \"env:APP_DB\"\ndirect_url = \"env:APP_DIRECT\"\n";
    let project = native().file("cofferdam.toml", settings).file(".env", "APP_DIRECT=postgres://dev/app\n");
    let status = || project.cofferdam("status").status(2);
    status().env("APP_DB", "postgres://prod/app").stderr_contains("the variable APP_DIRECT is not set").run();
    project.write(".env", "APP_DB=postgres://dev/app\n");
    status()
        .env("APP_DIRECT", "postgres://prod/app")
        .stderr_contains("database_url comes from .env, and direct_url from the environment")
        .run();
}

#[test]
fn prisma_sees_its_sqlite_file_from_its_own_folder() {
    let project =
        native().file("prisma/schema.prisma", PRISMA).file(".env", "DATABASE_URL=\"file:./dev.db\"\n");
    means(project.cofferdam("status"), "prisma/dev.db");
}

#[test]
fn a_variable_that_a_tool_names_and_nobody_set_is_said() {
    let schema = PRISMA.replace("DATABASE_URL", "PRISMA_URL");
    let project = native().file("prisma/schema.prisma", &schema);
    let said = "prisma/schema.prisma names the variable PRISMA_URL, which is not set";
    project.cofferdam("status").status(2).stderr_contains(said).run();
    // `check` needs none.
    project.cofferdam("check --dialect sqlite").run();
    means(project.cofferdam("status").env("PRISMA_URL", "file:x.db"), "prisma/x.db");
}

#[test]
fn what_cannot_be_read_stops_what_needs_a_database_and_shows_no_password() {
    let mysql = "datasource db {\n provider = \"mysql\"\n url = \"mysql://u:hunter2@h/d\"\n}";
    let long = format!("DATABASE_URL=postgres://u:hunter2{}@h", "x".repeat(1_000_000));
    for (file, content, said) in [
        (".env", &b"DATABASE_URL=\"postgres://u:hunter2@h/d\n"[..], "a quote in line 1 has no end"),
        (".env", b"DATABASE_URL=postgres://u:${SECRET}@h/d\n", "names SECRET"),
        (".env", b"\xff\xfehunter2", "cannot read .env: it is not UTF-8 text"),
        (".env", b"DATABASE_URL=mysql://u:hunter2@h/d", "mysql: are not supported"),
        (".env", b"DATABASE_URL=\nDATABASE_URL=hunter2", "no scheme"),
        ("prisma/schema.prisma", mysql.as_bytes(), "for a database of mysql, which is not supported"),
        ("alembic.ini", b"\0\0", "cannot read alembic.ini: it is not text"),
    ] {
        let project = native().file(file, content);
        project.cofferdam("status").status(2).stderr_contains(said).stderr_lacks("hunter2").run();
        project
            .cofferdam("status --format json -v")
            .status(2)
            .stdout_lacks("hunter2")
            .stderr_lacks("hunter2")
            .run();
        project.cofferdam("check --dialect sqlite").stderr_lacks("hunter2").run();
        project.cofferdam("init").stdout_lacks("hunter2").stderr_lacks("hunter2").run();
    }
    let project = native().file(".env", long);
    project.cofferdam("check --dialect sqlite migrations").stderr_lacks("hunter2").run();
}

#[test]
fn a_password_in_a_tools_file_is_accepted_and_warned_of() {
    let schema =
        "datasource db {\n provider = \"postgresql\"\n url = \"postgres://app:hunter2@127.0.0.1:1/app\"\n}";
    let project = native().file("prisma/schema.prisma", schema);
    project
        .cofferdam("status")
        .status(5)
        .stderr_contains("a password stands in prisma/schema.prisma")
        .stderr_lacks("hunter2")
        .run();
    // Nobody asked for that database: files are judged without it.
    project.cofferdam("check").stderr_contains("judged without a database").stderr_lacks("hunter2").run();
}

#[test]
fn nothing_of_a_project_is_executed() {
    let touch =
        "require('fs').writeFileSync('ran', ''); module.exports = { client: 'sqlite3', connection: pick() }";
    let project = native()
        .file("knexfile.js", touch)
        .file("drizzle.config.ts", "export default { dialect: 'sqlite', dbCredentials: { url: pick() } }")
        .file("config/database.yml", "development:\n  database: <%= `touch ran` %>\n")
        .file(".env", "A=$(touch ran)\nB=`touch ran`\n");
    project.cofferdam("init").run();
    project.cofferdam("status").status(2).stderr_contains("nothing is executed").run();
    assert!(!project.path("ran").exists());
}

#[test]
fn init_tells_the_source_and_what_disagrees_and_writes_no_url() {
    let project = native()
        .file(".env", "DATABASE_URL=postgres://app:hunter2@127.0.0.1:1/app\n")
        .file("alembic.ini", "[alembic]\nscript_location = alembic\nsqlalchemy.url = sqlite:///other.db\n");
    let output = project.cofferdam("init").stdout_lacks("hunter2").run();
    insta::assert_snapshot!(output.stdout, @r"
    wrote cofferdam.toml
    found migrations: 1 migration, format native
    database: app@127.0.0.1:1/app, from .env (DATABASE_URL)
    note: alembic.ini names sqlite:other.db; .env (DATABASE_URL) goes before it and
          leads to app@127.0.0.1:1/app
    note: the database was not asked what it holds: 127.0.0.1:1 cannot be reached:
          connection refused
    next:
      cofferdam status
      cofferdam check
    ");
    insta::assert_snapshot!(project.read("cofferdam.toml"), @r#"
    # Cofferdam's settings for this project; docs/configuration.md has all of them.
    # The database is that of --database-url or of the variable DATABASE_URL,
    # else that of .env (DATABASE_URL).

    [migrations]
    dir = "migrations"

    [check]
    # Files up to this version are history: read, but not judged.
    since = "0001"
    "#);
    assert_eq!(project.files().len(), 4);
}

#[test]
fn init_notes_a_variable_that_differs_from_dotenv() {
    let project = native().file(".env", "DATABASE_URL=sqlite:notes.db\n");
    let init = project.cofferdam("init --format json").env("DATABASE_URL", "sqlite:other.db");
    let document = document("init", &init.run());
    assert_eq!(document["database"]["source"], "the variable DATABASE_URL");
    let notes = document["notes"].to_string();
    assert!(notes.contains(".env (DATABASE_URL) names sqlite:notes.db"), "{notes}");
}

#[test]
fn init_finds_a_ledger_and_says_adopt() {
    let project = native().file(".env", "DATABASE_URL=sqlite:notes.db\n");
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("a database");
    db.execute_batch("create table _prisma_migrations (id text, checksum text, finished_at, migration_name text, logs text,
           rolled_back_at, started_at, applied_steps_count integer); create table a (b)",
    ).expect("tables");
    let document = document("init", &project.cofferdam("init --format json").run());
    assert_eq!(document["database"]["ledger"], "prisma");
    assert_eq!(document["next"][0], "cofferdam adopt");
}

#[test]
fn init_writes_ready_lines_for_migrations_that_are_programs() {
    let project = Project::new()
        .file(
            "knexfile.js",
            "module.exports = { client: 'sqlite3', connection: { filename: './dev.sqlite3' } }",
        )
        .file("migrations/20260101000000_notes.js", "exports.up = (knex) => {}");
    let output = project.cofferdam("init").run();
    insta::assert_snapshot!(output.stdout, @r#"
    wrote cofferdam.toml
    tool: knex
    database: sqlite:./dev.sqlite3, from knexfile.js
    note: Knex's migrations are programs (migrations): the lines for format =
          "command" stand in cofferdam.toml
    next:
      take the lines of [migrations] in cofferdam.toml into use
      cofferdam check
    "#);
    insta::assert_snapshot!(project.read("cofferdam.toml"), @r#"
    # Cofferdam's settings for this project; docs/configuration.md has all of them.
    # The database is that of --database-url or of the variable DATABASE_URL,
    # else that of knexfile.js.

    # Knex's migrations are programs. Its own commands can show their SQL:
    # [migrations]
    # dir = "migrations"
    # format = "command"
    # list = "npx knex migrate:list"
    # sql = ".."  # Knex has no command for it: one that prints the SQL of {name}
    "#);
    // What was written can be read again, and no SQL is put beside the programs.
    project
        .cofferdam("new a")
        .status(2)
        .stderr_contains("migrations holds programs of Knex, and no SQL")
        .run();
    project.cofferdam("migrate").status(2).stderr_contains("holds programs of Knex").run();
}

#[test]
fn two_folders_of_tools_are_both_named() {
    let project = native().file("supabase/migrations/20260101000000_a.sql", NOTES);
    project
        .cofferdam("check --dialect sqlite")
        .status(2)
        .stderr_contains("there are several migrations folders: migrations, supabase/migrations")
        .run();
}

#[test]
fn a_folder_that_this_version_cannot_read_is_never_taken_for_an_empty_one() {
    let project = Project::new()
        .file("sqitch.conf", "[core]\n\tengine = sqlite\n\ttarget = db:sqlite:notes.db\n")
        .file("deploy/notes.sql", NOTES);
    let said = "deploy is Sqitch's, whose files this version does not read";
    project.cofferdam("migrate").status(2).stderr_contains(said).run();
    project.cofferdam("new a").status(2).stderr_contains(said).run();
    project.cofferdam("init").stdout_contains("tool: sqitch").run();
    project.cofferdam("check --dialect sqlite deploy/notes.sql").run();
    assert!(!project.path("notes.db").exists());
}
