//! What every command prints on a terminal, as it is read by people: 80 columns without colours,
//! and the main ones at 120 and with colours.
//!
//! A change here is a change of what users see: look at it, in the terminal, before it is taken.

use cofferdam_testkit::postgres::{Database, majors};

use crate::project::Project;
use crate::terminal::{Terminal, too_long};

/// Times, durations and random names, replaced by others of the same width where columns follow.
const VOLATILE: [(&str, &str); 9] = [
    (r"\d{4}-\d\d-\d\d( |T)\d\d:\d\d:\d\d", "2026-01-01${1}00:00:00"),
    (r"(00:00:00)\.\d{3}Z", "$1.000Z"),
    (r"\b\d+(\.\d)? m?s\b", "[TIME]"),
    (r"(run-\d+)\.[0-9a-f]{8}", "$1.xxxxxxxx"),
    (r"\d{8}T\d{6}Z", "20260101T000000Z"),
    (r"(applied on\s+)\d{4}-\d\d-\d\d", "${1}2026-01-01"),
    (r"Z  \S+@\S+  ", "Z  [WHO]  "),
    (r"held by pid \d+", "held by pid [PID]"),
    (r"is at \S+/notes\.db", "is at [PLACE]/notes.db"),
];

macro_rules! transcript {
    ($terminal:expr, $columns:literal) => {
        let long = too_long($terminal.shown(), $columns);
        insta::with_settings!({filters => VOLATILE, omit_expression => true}, {
            insta::assert_snapshot!($terminal.shown());
        });
        assert!(long.is_empty(), "longer than {}: {long:#?}", $columns);
    };
}

const CREATE: &str = "create table notes (id integer primary key, body text not null);\n\
                      create table people (id integer primary key, name text);\n";
const STATUS: &str =
    "alter table notes add column status text;\ncreate index notes_status on notes (status);\n";

/// Two migrations, and one note in the database once they ran.
fn notes() -> Project {
    Project::new()
        .file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n")
        .file("migrations/0001_create_notes.sql", CREATE)
        .file("migrations/0002_note_status.sql", STATUS)
}

fn sql(project: &Project, sql: &str) {
    let db = rusqlite::Connection::open(project.path("notes.db")).expect("the database");
    db.execute_batch(sql).expect("SQL");
}

#[test]
fn a_new_project() {
    let project = Project::new();
    let mut terminal = Terminal::new(&project, 80);
    terminal
        .run(0, "init --database-url sqlite:notes.db")
        .run(3, "init")
        .run(2, "status")
        .run(0, "new create_notes");
    project.write("migrations/0001_create_notes.sql", CREATE);
    terminal.run(0, "check").run(0, "plan").run(0, "migrate --dry-run").run(0, "migrate --progress none");
    terminal
        .run(0, "new note_status")
        .run(0, "status")
        .run(0, "migrate --progress none")
        .run(0, "migrate")
        .run(0, "plan")
        .run(0, "status")
        .run(0, "status -v")
        .run(0, "diff")
        .run(0, "audit --verify")
        .run(0, "status --quiet");
    transcript!(terminal, 80);
}

#[test]
fn what_is_refused_and_what_fails() {
    let project = notes();
    let mut terminal = Terminal::new(&project, 80);
    terminal.run(0, "migrate --progress none");
    sql(&project, "insert into notes (body) values ('a'), ('b'); insert into people (name) values ('c');");
    project.write("migrations/0003_clean_up.sql", "drop table people;\nupdate notes set body = '';\n");
    terminal
        .run(1, "check")
        .run(1, "plan")
        .run(3, "migrate --progress none")
        .run(3, "migrate --progress none -v");
    terminal.run(2, "migrate --allow drop-table").run(2, "migrate --allow drop-tabel --reason x");
    project.write(
        "migrations/0003_clean_up.sql",
        "-- cofferdam:allow drop-table nobody reads it\ndrop table people;\n",
    );
    terminal.run(0, "check").run(0, "migrate --progress none");
    project.write("migrations/0004_twice.sql", "insert into notes (id, body) values (1, 'again');\n");
    terminal.run(1, "migrate --progress none").run(1, "status").run(0, "audit");
    project.write("migrations/0001_create_notes.sql", format!("{CREATE}-- edited\n"));
    terminal.run(1, "status").run(3, "migrate --progress none");
    transcript!(terminal, 80);
}

#[test]
fn the_way_back_and_the_way_out() {
    let project = notes();
    let mut terminal = Terminal::new(&project, 80);
    terminal.run(2, "rollback").run(2, "audit").run(2, "uninstall").run(2, "diff");
    terminal.run(0, "migrate --progress none").run(3, "rollback");
    project.write(
        "migrations/0002_note_status.down.sql",
        "drop index notes_status;\nalter table notes drop column status;\n",
    );
    sql(&project, "insert into notes (body, status) values ('a', 'open')");
    terminal.run(3, "rollback").run(0, "rollback --discard-writes").run(0, "status").run(3, "rollback");
    terminal.run(0, "migrate --progress none");
    sql(
        &project,
        "create table stray (id integer); drop index notes_status; alter table notes add extra text;",
    );
    terminal.run(1, "diff").run(1, "diff --sql");
    terminal.run(0, "uninstall --dry-run").run(3, "uninstall --confirm other").run(0, "uninstall");
    terminal.run(3, "migrate").run(2, "adopt").run(3, "baseline").run(0, "adopt --none").run(0, "status");
    transcript!(terminal, 80);
}

#[test]
fn a_database_that_nobody_manages_yet() {
    let project = Project::new().file("cofferdam.toml", "database_url = \"sqlite:notes.db\"\n");
    sql(&project, CREATE);
    let mut terminal = Terminal::new(&project, 80);
    terminal.run(0, "init --config other.toml").run(0, "baseline").run(0, "status");
    transcript!(terminal, 80);
}

#[test]
fn mistakes_on_the_command_line_and_in_files() {
    let project = Project::new().file("migrations/0001_a.sql", "create table a (id integer primary key);\n");
    let mut terminal = Terminal::new(&project, 80);
    terminal
        .run(2, "")
        .run(2, "migrat")
        .run(2, "migrate --lock-budget 5")
        .run(2, "check --dilect sqlite")
        .run(2, "migrate")
        .run(2, "status --database-url notes.db")
        .run(2, "status --database-url sqlite:nowhere.db")
        .run(2, "status --database-url env:NOWHERE")
        .run(2, "status --env production")
        .run(5, "status --database-url postgres://app@127.0.0.1:9/app")
        .run(5, "status -v --database-url postgres://app@127.0.0.1:9/app?connection_limit=5")
        .run(2, "check nothing.sql")
        .run(2, "explain drop-tabel")
        .run(2, "explain exit-8")
        .run(2, "status --config nowhere.toml");
    project.write("damaged.db", "this is no database, but a text of more than a hundred bytes: ".repeat(20));
    terminal.run(6, "status --database-url sqlite:damaged.db");
    project.write("cofferdam.toml", "[migrations]\nfromat = \"native\"\n");
    terminal.run(2, "status");
    transcript!(terminal, 80);
}

#[test]
fn what_explains() {
    let project = Project::new();
    let mut terminal = Terminal::new(&project, 80);
    terminal.run(0, "explain").run(0, "explain silent-row-loss");
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 70] {
        terminal.run(0, &format!("explain exit-{code}"));
    }
    terminal.run(0, "generate man --out man");
    transcript!(terminal, 80);
}

/// Names and SQL that a terminal would obey, that are wider than they are long, and that do not fit.
fn hostile() -> Project {
    notes()
        .file(
            "migrations/0003_add_a_title_to_every_note_so_that_lists_of_them_can_be_read.sql",
            "alter table notes add column \"标题\" text;\n",
        )
        .file("migrations/0004_笔记_🎉_cafe\u{301}.sql", "alter table notes add column other text;\n")
}

const HOSTILE: &str = "select '\u{1b}[31mred\u{1b}[0m', '\u{202e}evil', '笔记笔记笔记笔记' as \"标题\";\tdrop table people; -- and a comment that goes on and on over the edge of every terminal that there is\n\
     create table 笔记 (编号 integer primary key, 标题 text); drop table notes;\n";

fn show_hostile(mut terminal: Terminal<'_>, project: &Project) -> String {
    terminal.run(0, "plan").run(0, "migrate --progress none");
    // What a step took decides how much is left for its name.
    sql(project, "update _cofferdam_migration set duration_ms = 1");
    terminal.run(0, "status").run(0, "audit");
    project.write("migrations/0005_笔记.sql", HOSTILE);
    terminal.run(1, "check").run(1, "plan").run(3, "migrate --progress none").run(0, "status -v");
    project.write("migrations/0005_笔记.sql", "insert into 笔记 values ('\u{1b}[2J');\n");
    terminal.run(1, "migrate --progress none").run(1, "status").run(1, "status --progress none -v");
    terminal.shown().to_owned()
}

#[test]
fn hostile_names_at_80_columns() {
    let project = hostile();
    let shown = show_hostile(Terminal::new(&project, 80), &project);
    assert!(!shown.contains("^[") && !shown.contains(['\u{202e}', '\u{7}']), "{shown}");
    insta::with_settings!({filters => VOLATILE, omit_expression => true}, { insta::assert_snapshot!(shown); });
}

#[test]
fn hostile_names_at_120_columns() {
    let project = hostile();
    let shown = show_hostile(Terminal::new(&project, 120), &project);
    insta::with_settings!({filters => VOLATILE, omit_expression => true}, { insta::assert_snapshot!(shown); });
}

#[test]
fn the_main_commands_with_colours_at_120_columns() {
    let project = notes();
    let mut terminal = Terminal::colored(&project, 120);
    terminal
        .run(0, "plan")
        .run(0, "migrate --progress none")
        .run(0, "status")
        .run(0, "migrate --progress none -v");
    project.write("migrations/0003_clean_up.sql", "drop table people;\nupdate notes set body = '';\n");
    terminal
        .run(1, "check")
        .run(3, "migrate --progress none")
        .run(2, "migrate --reasn x")
        .run(0, "explain exit-7");
    transcript!(terminal, 120);
}

#[test]
fn on_postgres_locks_and_their_holders_are_told() {
    let database = Database::new(majors()[0]);
    let project = Project::new()
        .file(
            "migrations/0001_create.sql",
            "create table notes (id bigint primary key, body text not null);\n",
        )
        .file(
            "migrations/0002_status.sql",
            "alter table notes add column status text;\nalter table notes add check (length(body) < 9000);\n",
        );
    let url = database.url();
    let mut terminal = Terminal::new(&project, 80).env("DATABASE_URL", &url);
    terminal.run(0, "migrate --progress none --to 0001").run(0, "plan");
    let shown = terminal.shown().replace(database.name(), "[DATABASE]");
    insta::with_settings!({filters => VOLATILE, omit_expression => true}, { insta::assert_snapshot!(shown); });
}

#[test]
fn the_help_of_every_command() {
    let project = Project::new();
    let mut shown = String::new();
    let mut commands = vec![String::new()];
    while let Some(command) = commands.pop() {
        let mut terminal = Terminal::new(&project, 80);
        terminal.run(0, format!("{command} --help").trim());
        let page = terminal.shown();
        assert_eq!(too_long(page, 80), [""; 0], "{page}");
        assert!(page.lines().all(|line| line.chars().count() <= 80 || line.starts_with("$ ")), "{page}");
        // Options of every command are on each page, and once here.
        let own = page.split("\nOptions of every command:").next().unwrap_or(page);
        shown += if command.is_empty() { page } else { own };
        shown.push('\n');
        let listed = match command.as_str() {
            "" => own,
            _ => {
                own.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default()
            }
        };
        // What a command is goes on below its first line, further in.
        let begins = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
        let below: Vec<&str> = listed.lines().filter(begins).collect();
        let names = below.iter().filter_map(|line| line.split_whitespace().next());
        let mut names: Vec<String> =
            names.map(|name| format!("{command} {name}").trim().to_owned()).collect();
        names.reverse();
        commands.extend(names);
    }
    assert!(shown.contains("$ cofferdam generate completions --help"), "{shown}");
    insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!(shown); });
}

#[test]
fn a_pipe_gets_what_a_terminal_of_80_columns_shows() {
    let project = notes();
    let mut terminal = Terminal::new(&project, 80);
    terminal.run(0, "plan").run(0, "explain");
    let piped: String = ["plan", "explain"]
        .iter()
        .map(|line| format!("$ cofferdam {line}\n{}[exit 0]\n\n", project.cofferdam(line).run().stdout))
        .collect();
    assert_eq!(terminal.shown(), piped);
}
