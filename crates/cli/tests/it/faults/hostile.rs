//! Files, URLs, roles, servers and ledgers that nobody should have, but somebody has.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use cofferdam_testkit::postgres;

use super::scene::{Database, Kind, Scene};
use crate::project::Project;

fn newest() -> u32 {
    *postgres::majors().last().expect("a major")
}

fn both() -> [Kind; 2] {
    [Kind::Sqlite, Kind::Postgres(newest())]
}

const CREATE: (&str, &str) = (
    "0001_create.sql",
    "create table notes (id integer primary key, body text);\ncreate table other (id integer);",
);

#[test]
fn odd_but_valid_files_are_applied_and_stay_applied() {
    for kind in both() {
        let scene = Scene::new(
            kind,
            &[
                ("0001_empty.sql", ""),
                ("0002_comments.sql", "-- nothing\n/* here */\n"),
                (
                    "0003_bom.sql",
                    "\u{feff}create table notes (id integer primary key, body text);\r\ninsert into notes values (1, 'a\r\nb');\r\n",
                ),
                (
                    "0007_gap.sql",
                    ";;create table \"we\"\"ird. näme 🦀\" (\"a.b\" integer, \"drop table notes;--\" text);",
                ),
                (
                    "00010_zeros.sql",
                    "insert into \"we\"\"ird. näme 🦀\" values (1, $$x$$);\n".replace("$$", "'").leak(),
                ),
            ],
        );
        scene.run("migrate").stderr_contains("5 applied, 0 already").run();
        scene.run("migrate").stderr_contains("0 applied, 5 already").run();
        scene.run("status").run();
        assert_eq!(scene.sql("select body from notes"), "a\r\nb");
        // Another checkout: no BOM, other line ends. The same migration.
        scene.project.write("migrations/0002_comments.sql", "-- nothing\r\n/* here */\r\n");
        scene.run("migrate").run();
        scene.project.write("migrations/0002_comments.sql", "-- something\n");
        scene
            .run("migrate")
            .status(3)
            .stderr_contains("0002_comments.sql was edited after it was applied")
            .run();
    }
}

#[test]
fn an_identifier_beyond_63_bytes_is_still_one_index_and_one_table() {
    let long = "n".repeat(70);
    let file =
        format!("create table {long} (id bigint);\ncreate index concurrently {long}_i on {long} (id);");
    let scene = Scene::new(Kind::Postgres(newest()), &[("0001_long.sql", file.as_str())]);
    // Postgres cuts names: the table takes the name that the index would get.
    let first = scene.run("migrate").any_status().run();
    assert_ne!(first.code(), Some(70), "{first}");
    assert_eq!(scene.sql("select count(*) from pg_index where not indisvalid"), "0");
    let shorter =
        format!("create table {long} (id bigint);\ncreate index concurrently i{long} on {long} (id);");
    scene.project.write("migrations/0001_long.sql", shorter);
    scene.run("migrate").run();
    assert_eq!(
        scene
            .sql("select count(*) from pg_index where indisvalid and indexrelid::regclass::text like 'inn%'"),
        "1"
    );
}

#[test]
fn what_cannot_be_read_is_exit_2_before_anything_is_touched() {
    for kind in both() {
        let scene = Scene::new(kind, &[CREATE]);
        let path = |name: &str| format!("migrations/{name}");
        for (name, content, says) in [
            ("0002_latin1.sql", b"select '\xe9';".as_slice(), "is not UTF-8"),
            ("1_again.sql", b"select 1;", "have the same version"),
            ("no_version.sql", b"select 1;", "its name has no version"),
            ("0002_x.sql", b"-- cofferdam:onlne\nselect 1;", "onlne"),
            ("0002_x.sql", b"-- cofferdam:online\nselect 1;", "online"),
        ] {
            scene.project.write(&path(name), content);
            let output = scene.run("migrate").status(2).run();
            let said = output.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(says), "{name}: {output}");
            std::fs::remove_file(scene.project.path(&path(name))).expect("just written");
        }
        for line in ["migrate --dir nowhere", "migrate --dir migrations/0001_create.sql"] {
            scene.run(line).status(2).stderr_contains("migrations folder").run();
        }
        match &scene.database {
            Database::Sqlite(database) => assert!(!database.path().exists()),
            Database::Postgres(_) => assert_eq!(scene.sql("select to_regclass('cofferdam.meta')"), ""),
        }
    }
}

#[test]
fn wrong_urls_and_unreachable_servers_are_told_apart() {
    let project = Project::new()
        .file("migrations/0001_create.sql", CREATE.1)
        .file("text.db", "no database at all, only text");
    for (url, code) in [
        ("mysql://h/d", 2),
        ("", 2),
        ("postgres://", 5),
        ("postgres://u@127.0.0.1:1/d?connect_timeout=2", 5),
        ("postgres://u@no-such-host.invalid/d", 5),
        ("postgres://u@127.0.0.1:99999/d", 2),
        ("sqlite:/nowhere/at/all.db", 2),
        ("sqlite:text.db", 6),
    ] {
        let output = project.cofferdam("migrate").arg(format!("--database-url={url}")).any_status().run();
        let allowed = if url == "postgres://" { vec![2, 5] } else { vec![code] };
        assert!(output.code().is_some_and(|code| allowed.contains(&code)), "{url}: not {code}\n{output}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn a_role_without_rights_is_told_what_it_needs() {
    let scene = Scene::new(Kind::Postgres(newest()), &[CREATE]);
    let name = scene.postgres().name().to_owned();
    let role = format!("poor_{name}");
    scene.sql(&format!("create role {role} login; revoke create on database {name} from public"));
    let url = scene
        .url()
        .replace("postgres@", &format!("{role}@"))
        .replace("user=postgres", &format!("user={role}"));
    assert!(url.contains(&role), "{url}");
    let output = scene.run("migrate").env("DATABASE_URL", url).any_status().run();
    scene.sql(&format!("drop role {role}"));
    assert!([Some(1), Some(2)].contains(&output.code()), "{output}");
    assert!(output.stderr.contains("grant create on database"), "{output}");
    assert_eq!(scene.sql("select to_regclass('notes')"), "");
}

/// The answer to the first question of a connection, as a server of this version gives it.
fn facts(number: &str) -> Vec<u8> {
    let row = [
        ("version", number),
        ("build", "PostgreSQL"),
        ("standby", "f"),
        ("read_only", "off"),
        ("database", "d"),
        ("role", "u"),
        ("pid", "1"),
        ("started", "1"),
    ];
    let message = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len() + 4).expect("a short message");
        [&[kind], length.to_be_bytes().as_slice(), body].concat()
    };
    let columns = u16::try_from(row.len()).expect("few").to_be_bytes();
    let (mut names, mut values) = (columns.to_vec(), columns.to_vec());
    for (name, value) in row {
        names.extend(name.bytes().chain([0]));
        // No table; type text, of any length; sent as text.
        names.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
        values.extend(u32::try_from(value.len()).expect("short").to_be_bytes());
        values.extend(value.bytes());
    }
    [message(b'T', &names), message(b'D', &values), message(b'C', b"SELECT 1\0"), message(b'Z', b"I")]
        .concat()
}

/// A server that speaks just enough to say its version.
fn old_server(version: &'static str, number: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut buffer = [0u8; 4096];
                loop {
                    let Ok(length @ 1..) = stream.read(&mut buffer) else { return };
                    // SSLRequest and GSSENCRequest: no.
                    if length == 8 {
                        if stream.write_all(b"N").is_err() {
                            return;
                        }
                        continue;
                    }
                    break;
                }
                let mut answer = vec![b'R', 0, 0, 0, 8, 0, 0, 0, 0];
                for (name, value) in [
                    ("server_version", version),
                    ("client_encoding", "UTF8"),
                    ("standard_conforming_strings", "on"),
                ] {
                    answer.push(b'S');
                    answer.extend(((4 + name.len() + value.len() + 2) as u32).to_be_bytes());
                    answer.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
                }
                answer.extend([b'K', 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1, b'Z', 0, 0, 0, 5, b'I']);
                let mut answered = stream.write_all(&answer).is_ok();
                // Whatever is asked first is what every connection asks: what it is connected to.
                while answered && matches!(stream.read(&mut buffer), Ok(1..)) {
                    answered = stream.write_all(&facts(number)).is_ok();
                }
            });
        }
    });
    port
}

#[test]
fn a_server_that_is_too_old_is_refused_by_its_version_alone() {
    let project = Project::new().file("migrations/0001_create.sql", CREATE.1);
    let url = format!(
        "postgres://u@127.0.0.1:{}/d?sslmode=disable&connect_timeout=5",
        old_server("13.4", "130004")
    );
    for line in ["migrate", "status", "plan"] {
        let output = project.cofferdam(line).env("DATABASE_URL", &url).status(2).run();
        assert!(output.stderr.contains("too old: Postgres 13"), "{line}: {output}");
    }
}

#[test]
fn a_file_of_fifty_megabytes_is_applied_in_bounded_memory() {
    for kind in both() {
        let row = format!("insert into notes values ({}, '{}');\n", 7, "x".repeat(200));
        let mut text = String::from("create table notes (id integer, body text);\n");
        // Debug builds parse slowly; the size is that of the issue only in a soak.
        let size = if std::env::var_os("COFFERDAM_SOAK_MINUTES").is_some() { 50 << 20 } else { 2 << 20 };
        while text.len() < size {
            text.push_str(&row);
        }
        let scene = Scene::new(kind, &[("0001_big.sql", text.as_str())]);
        let mut running = std::process::Command::new(env!("CARGO_BIN_EXE_cofferdam"))
            .arg("migrate")
            .current_dir(scene.project.path(""))
            .env("DATABASE_URL", scene.url())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        let mut most_kib = 0;
        let status = loop {
            let status =
                std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<usize>().ok());
            most_kib = most_kib.max(peak.unwrap_or(0));
            if let Some(status) = running.try_wait().expect("a child") {
                break status;
            }
        };
        assert!(status.success(), "{kind:?}");
        println!("{kind:?}: {} MiB of SQL, at most {} MiB in memory", text.len() >> 20, most_kib >> 10);
        // 60 MiB are the program itself; each byte of SQL may cost 32.
        assert!(most_kib << 10 < (60 << 20) + 32 * text.len(), "{most_kib} KiB");
        assert_eq!(scene.sql("select count(*) > 1000 from notes").replace('t', "1"), "1");
    }
}

#[test]
fn a_no_transaction_file_that_failed_goes_on_from_there_and_its_done_part_is_history() {
    for kind in both() {
        let file = |first: &str, second: &str| {
            format!(
                "-- cofferdam:no-transaction\ninsert into other values ({first});\n{second};\ninsert into other values (3);"
            )
        };
        let failing = file("1", "insert into nope values (2)");
        let scene = Scene::new(kind, &[CREATE, ("0002_steps.sql", failing.as_str())]);
        let output = scene.run("migrate").status(1).run();
        assert!(output.stderr.contains("0002_steps.sql:3"), "{output}");
        assert_eq!(scene.sql("select id from other"), "1");
        scene.run("status").status(1).stdout_contains("0002").run();
        scene.run("rollback").status(3).stderr_contains("half applied").run();
        scene.project.write("migrations/0002_steps.sql", file("9", "insert into other values (2)"));
        scene.run("migrate").status(3).stderr_contains("edited in a part that is applied").run();
        scene.project.write("migrations/0002_steps.sql", file("1", "insert into other values (2)"));
        scene.run("migrate").run();
        assert_eq!(scene.sql("select id from other order by id"), "1\n2\n3");
        scene.run("audit --verify").run();
    }
}

#[test]
fn files_out_of_order_follow_the_setting() {
    for kind in both() {
        let scene = Scene::new(kind, &[CREATE, ("0003_three.sql", "insert into other values (3);")]);
        scene.run("migrate").run();
        scene.project.write("migrations/0002_two.sql", "insert into other values (2);");
        scene.run("migrate").status(3).stderr_contains("older than").run();
        assert_eq!(scene.sql("select id from other"), "3");
        scene.project.write("cofferdam.toml", "[migrations]\nout_of_order = \"apply\"\n");
        scene.run("migrate").run();
        assert_eq!(scene.sql("select id from other order by id"), "2\n3");
    }
}

#[test]
fn transaction_commands_and_psql_in_a_file_are_refused_before_anything_runs() {
    for kind in both() {
        let scene = Scene::new(kind, &[CREATE]);
        let file = "migrations/0002_x.sql";
        for refused in [
            "insert into other values (1);\nrollback;",
            "begin;\ninsert into other values (1);\nrollback;",
            "insert into other values (1);\nsavepoint a;",
            "begin;\ninsert into other values (1);",
            "insert into other values (1);\ncommit;",
            "-- cofferdam:no-transaction\ninsert into other values (1);\nbegin;\ninsert into other values (2);",
        ] {
            scene.project.write(file, refused);
            let output = scene.run("migrate").any_status().run();
            assert_eq!(output.code(), Some(3), "{kind:?} {refused}\n{output}");
        }
        if let Kind::Postgres(_) = kind {
            for refused in [
                "insert into other values (1);\n\\i more.sql\n",
                "\\set a 1\nselect 1;",
                "copy other from stdin;\n1\n\\.\n",
            ] {
                scene.project.write(file, refused);
                let output = scene.run("migrate").any_status().run();
                assert_eq!(output.code(), Some(3), "{refused}\n{output}");
            }
        }
        // Not even the file before it ran.
        let there = match kind {
            Kind::Sqlite => "select count(*) from sqlite_schema where name = 'other'",
            Kind::Postgres(_) => "select count(*) from pg_tables where tablename = 'other'",
        };
        assert_eq!(scene.sql(there), "0", "{kind:?}");
        scene.project.write(file, "begin;\ninsert into other values (1);\ncommit;\n");
        if let Kind::Postgres(_) = kind {
            scene.project.write(
                "migrations/0003_dump.sql",
                "\\restrict abc\ninsert into other values (2);\n\\unrestrict abc\n",
            );
        }
        scene.run("migrate").run();
    }
}

#[test]
fn what_a_file_does_to_its_session_ends_with_it_on_postgres() {
    let scene = Scene::new(Kind::Postgres(newest()), &[
        CREATE,
        (
            "0002_session.sql",
            "create schema aside; create role cofferdam_leak; grant all on schema aside to cofferdam_leak;
             create temporary table scratch (id integer);
             set search_path = aside; set lock_timeout = 1; set statement_timeout = '60s'; set role cofferdam_leak;
             prepare leak as select 1; select pg_advisory_lock(7);
             listen leak;",
        ),
        (
            "0003_fresh.sql",
            "create table seen as select current_user::text who, current_setting('search_path') path,
                 current_setting('statement_timeout') timeout, to_regclass('pg_temp.scratch') is null no_temp,
                 (select count(*) from pg_prepared_statements where name = 'leak') prepared,
                 (select count(*) from pg_locks where locktype = 'advisory' and objid = 7) locked;",
        ),
    ]);
    let output = scene.run("migrate").any_status().run();
    let seen = (output.code() == Some(0)).then(|| scene.sql("select * from public.seen"));
    scene.sql("drop owned by cofferdam_leak; drop role cofferdam_leak");
    assert_eq!(seen.as_deref(), Some("postgres|\"$user\", public|0|t|0|0"), "{output}");
}

#[test]
fn what_a_file_does_to_its_session_ends_with_it_on_sqlite() {
    let scene = Scene::new(
        Kind::Sqlite,
        &[
            CREATE,
            (
                "0002_session.sql",
                "create temporary table scratch (id integer); pragma recursive_triggers = on; insert into other values (1);",
            ),
            (
                "0003_fresh.sql",
                "create table seen as select (select count(*) from sqlite_temp_schema where name = 'scratch') temp, (select recursive_triggers from pragma_recursive_triggers) triggers;",
            ),
        ],
    );
    scene.run("migrate").run();
    assert_eq!(scene.sql("select * from seen"), "0|0");
}

#[test]
fn a_deferred_constraint_that_fails_at_the_commit_leaves_nothing_of_its_file() {
    for kind in both() {
        let file = "create table child (id integer, parent integer references notes (id) deferrable initially deferred);
                    insert into child values (1, 99);";
        let scene = Scene::new(kind, &[CREATE, ("0002_deferred.sql", file)]);
        let output = scene.run("migrate").status(1).run();
        assert!(output.stderr.to_lowercase().contains("foreign key"), "{output}");
        let there = match kind {
            Kind::Sqlite => "select count(*) from sqlite_schema where name = 'child'",
            Kind::Postgres(_) => "select count(*) from pg_tables where tablename = 'child'",
        };
        assert_eq!(scene.sql(there), "0");
        scene.project.write("migrations/0002_deferred.sql", file.replace("99", "null"));
        scene.run("migrate").run();
    }
}

#[test]
fn a_ledger_changed_by_hand_is_found_at_its_first_broken_entry() {
    type Change = (&'static str, &'static str, &'static str);
    let changes: [Change; 7] = [
        ("audit", "update {} set detail = '{{}}' where seq = 2", "2"),
        ("audit", "update {} set actor = 'nobody' where seq = 1", "1"),
        ("audit", "delete from {} where seq = 2", "2"),
        ("audit", "delete from {} where seq = 3", "3"),
        ("migration", "delete from {} where seq = 2", "3"),
        ("migration", "update {} set checksum = (select checksum from {} where seq = 2) where seq = 1", "2"),
        ("migration", "update {} set audit_seq = 1 where seq = 1", "2"),
    ];
    for kind in both() {
        for (table, change, broken) in changes {
            let scene = Scene::new(kind, &[CREATE, ("0002_two.sql", "insert into other values (2);")]);
            scene.run("migrate").run();
            let change =
                change.replace("{{}}", "\u{1}").replace("{}", &scene.ledger(table)).replace('\u{1}', "{}");
            scene.sql(&change);
            let output = scene.run("audit --verify").status(6).run();
            assert!(
                output.stdout.contains(&format!("entry {broken}:"))
                    || output.stderr.contains(&format!("entry {broken}:")),
                "{change}: {output}"
            );
        }
        // Rows that make no sense are damage for every command.
        for (table, change) in [
            ("meta", "delete from {} where key = 'ledger_version'"),
            ("migration", "update {} set kind = 'unknown'"),
            ("run", "update {} set state = 'lost'"),
        ] {
            let scene = Scene::new(kind, &[CREATE, ("0002_two.sql", "insert into other values (2);")]);
            scene.run("migrate").run();
            let change = change.replace("{}", &scene.ledger(table));
            scene.sql(&change);
            for line in ["migrate", "status"] {
                let output = scene.run(line).any_status().run();
                assert_eq!(output.code(), Some(6), "{kind:?} {change}, {line}\n{output}");
            }
        }
        let scene = Scene::new(kind, &[CREATE]);
        scene.run("migrate").run();
        scene.sql(&format!("update {} set value = '99' where key = 'ledger_version'", scene.ledger("meta")));
        scene.run("migrate").status(2).stderr_contains("version 99").run();
    }
}

#[test]
fn drops_of_what_the_same_run_made_run_and_drops_of_others_rows_do_not() {
    for kind in both() {
        let drop = ("0002_drop.sql", "drop table other;");
        let scene = Scene::new(kind, &[CREATE, drop]);
        scene.run("migrate").run();
        // Static: another run made it, and it has rows.
        let scene = Scene::new(kind, &[CREATE]);
        scene.run("migrate").run();
        scene.sql("insert into other values (1)");
        scene.project.write("migrations/0002_drop.sql", drop.1);
        scene.run("migrate").status(3).stderr_contains("other").run();
        assert_eq!(scene.sql("select count(*) from other"), "1");
    }
}
