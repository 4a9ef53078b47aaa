use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::ErrorKind;
use crate::db::options::{Negotiation, RootCert, TlsMode};

fn postgres(text: &str) -> PostgresTarget {
    match Target::parse(text) {
        Ok(Target::Postgres(target)) => target,
        other => panic!("{text}: {other:?}"),
    }
}

fn sqlite(text: &str) -> SqliteTarget {
    match Target::parse(text) {
        Ok(Target::Sqlite(target)) => target,
        other => panic!("{text}: {other:?}"),
    }
}

fn refused(text: &str) -> Error {
    match Target::parse(text) {
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
            error
        }
        Ok(target) => panic!("{text}: {target:?}"),
    }
}

fn everything_shown(text: &str) -> String {
    match Target::parse(text) {
        Ok(target) => format!("{target} {target:?} {:?} {}", target.notes(), target.identity()),
        Err(error) => format!("{error} {error:?} {:?}", error.hint_text()),
    }
}

#[test]
fn every_usual_form_names_the_same_database() {
    for text in [
        "postgres://ann@db.example:5433/app",
        "postgresql://ann@db.example:5433/app",
        "POSTGRES://ann@DB.example:5433/app",
        "postgresql+psycopg://ann:pw@db.example:5433/app",
        "postgresql+psycopg2://ann@db.example:5433/app",
        "postgresql+asyncpg://ann@db.example:5433/app",
        "postgres+pool://ann@db.example:5433/app",
        "postgres://bob@db.example:5433/app?sslmode=require",
        "postgres://db.example:1/x?port=5433&user=ann&dbname=app",
        "postgres:///app?host=db.example&port=5433",
        "host=db.example port=5433 dbname=app user=ann",
        "  host = 'db.example'  port=5433 dbname = app ",
        "postgres://ann@db%2Eexample:5433/%61pp\n",
    ] {
        assert_eq!(Target::parse(text).unwrap().identity(), "postgres db.example:5433 app", "{text}");
    }
}

#[test]
fn one_machine_is_one_host_however_it_is_named() {
    for text in [
        "postgres://localhost/app",
        "postgres:///app",
        "postgres://127.0.0.1:5432/app",
        "postgres://[::1]/app",
        "postgres://LOCALHOST./app",
        "postgres:///app?host=/var/run/postgresql",
        "postgres://%2Ftmp/app",
        "dbname=app",
    ] {
        assert_eq!(Target::parse(text).unwrap().identity(), "postgres localhost:5432 app", "{text}");
    }
    assert_ne!(
        Target::parse("postgres:///app?host=/srv/one").unwrap().identity(),
        Target::parse("postgres:///app?host=/srv/two").unwrap().identity()
    );
}

#[test]
fn people_see_user_host_port_and_database() {
    for (text, shown) in [
        ("postgres://ann:pw@db/app", "ann@db:5432/app"),
        ("postgres://db", "db:5432"),
        ("postgres://", "localhost:5432"),
        ("postgres://:5433/app", "localhost:5433/app"),
        ("postgres://ann@[2001:db8::1]:6000/app", "ann@[2001:db8::1]:6000/app"),
        ("postgres://a,b:5433/app", "a:5432,b:5433/app"),
        ("postgres://%2Fvar%2Frun:5433/app", "/var/run:5433/app"),
        ("postgres:///app?host=/var/run/postgresql", "/var/run/postgresql:5432/app"),
        ("postgres:///%D0%B1%D0%B0%D0%B7%D0%B0%20%F0%9F%A6%80", "localhost:5432/база 🦀"),
        ("postgres:///a%0Ab", "localhost:5432/a\u{fffd}b"),
        ("sqlite:dev.db", "sqlite:dev.db"),
        ("sqlite::memory:", "sqlite::memory:"),
    ] {
        assert_eq!(Target::parse(text).unwrap().redacted(), shown, "{text}");
    }
}

#[test]
fn passwords_arrive_as_they_were_meant() {
    for (text, password) in [
        ("postgres://u:p%40ss%2Fw%3Ao%3Frd%25@h/d", "p@ss/w:o?rd%"),
        ("postgres://u:a:b@h/d", "a:b"),
        ("postgres://u:a@b@h/d", "a@b"),
        ("postgres://u:a#b@h/d", "a#b"),
        ("postgres://u:100%@h/d", "100%"),
        ("postgres://u:a+b@h/d", "a+b"),
        ("postgres://u:%F0%9F%94%91@h/d", "🔑"),
        ("postgres://u:пароль@h/d", "пароль"),
        ("postgres://u@h/d?password=x%26y", "x&y"),
        (r"host=h password='a\'b\\c d' user=u", r"a'b\c d"),
        ("host=h password=a@b/c?d user=u", "a@b/c?d"),
    ] {
        let target = postgres(text);
        assert_eq!(target.password.as_ref().map(|secret| secret.expose()), Some(password), "{text}");
        assert_eq!(target.user(), Some("u"), "{text}");
    }
    assert!(postgres("postgres://u:@h/d").password.is_none());
}

#[test]
fn what_cannot_be_told_apart_is_refused_without_showing_it() {
    for text in [
        "postgres://user:hunter/2@host/db",
        "postgres://user:hunter?2@host/db",
        "postgres://user:hunter/2",
        "postgres://user:hunter2",
        "postgres://h/d?hunter2",
        "postgres://user:hunter2@h/d?sslmode=hunter2",
        "postgres://[::hunter2/db",
        "postgres://::1/hunter2",
        "postgres://h:0/hunter2",
        "postgres://h:65536/hunter2",
        "postgres://h:-1/hunter2",
        "postgres://u:hunter2@a,b/db?port=1,2,3",
        "postgres://u:hunter2@h/db?hostaddr=nowhere",
        "postgres://u:hunter2@h/%FF",
        "postgres://u:hunter2%00@h/db",
        "postgres://u:hunter2@h/db?connect_timeout=soon",
        "postgres://u:hunter2@h/db?service=x",
        "postgres://u:hunter2@h/db?sslcrl=x",
        "postgres://u:hunter2@h/db?sslmod=verify-full",
        "postgres://u:hunter2@h/db?sslMode=verify-full",
        "postgres://u:hunter2@h/db?gssencmode=require",
        "user:hunter2@host/db",
        "hunter2:x",
        "hunter2",
        "hunter2.db",
        "host=h hunter2",
        "host=h password='hunter2",
        "host=h pass word=hunter2",
        "host=h dbname=postgres://u:hunter2@h",
        "mysql://u:hunter2@h/db",
        "jdbc:postgresql://h/db?password=hunter2",
        "prisma+postgres://accelerate/?api_key=hunter2",
        "'postgres://u:hunter2@h/db'",
        "postgres:u:hunter2@h/db",
        "postgres://u:hun\nter2@h/db",
        "file://hunter2/dev.db",
        "sqlite:",
        "sqlite:a.db?mode=hunter2",
        "sqlite:a.db?key=hunter2",
        "",
        "   ",
    ] {
        refused(text);
        assert!(!everything_shown(text).contains("hunter"), "{text}: {}", everything_shown(text));
    }
}

#[test]
fn refusals_say_what_to_write() {
    for (text, hint) in [
        ("mysql://h/d", "Postgres (postgres://) and SQLite (sqlite:) are supported"),
        ("http://h/d", "Postgres (postgres://) and SQLite (sqlite:) are supported"),
        ("notes.sqlite3", "write sqlite: before it"),
        ("postgis://h/d", "write postgres:// instead"),
        ("postgres://h/d?sslmod=require", "`sslmode` may be meant"),
        ("postgres://h/d?conect_timeout=1", "`connect_timeout` may be meant"),
        ("postgres://h/d?sslmode=on", "known: disable, allow, prefer, require, verify-ca, verify-full"),
        ("whatever", FORMS),
    ] {
        assert_eq!(refused(text).hint_text(), Some(hint), "{text}");
    }
}

#[test]
fn libpq_parameters_are_honoured() {
    let target = postgres(
        "postgres://h/d?sslmode=verify-ca&sslrootcert=/r.crt&sslcert=c&sslkey=k&connect_timeout=3\
         &options=-c%20geqo%3Doff&sslnegotiation=direct&keepalives_idle=7&keepalives_count=2\
         &target_session_attrs=read-write&tcp_user_timeout=1500&passfile=%2Fp",
    );
    assert_eq!(target.tls_mode, Some(TlsMode::VerifyCa));
    assert_eq!(target.root_cert, Some(RootCert::File("/r.crt".into())));
    assert_eq!(target.negotiation, Negotiation::Direct);
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(3)));
    assert_eq!(target.options.as_deref(), Some("-c geqo=off"));
    assert_eq!(target.session_attrs, SessionAttrs::ReadWrite);
    assert_eq!(target.keepalives.idle, Duration::from_secs(7));
    assert_eq!(target.keepalives.count, Some(2));
    assert_eq!(target.keepalives.user_timeout, Some(Duration::from_millis(1500)));
    assert_eq!(target.passfile, Some("/p".into()));
    assert_eq!(target.notes(), [""; 0]);
    assert_eq!(postgres("postgres://h/d?sslrootcert=system").root_cert, Some(RootCert::System));
    assert_eq!(postgres("postgres://h/d?ssl=true").tls_mode, Some(TlsMode::Require));
    assert_eq!(postgres("postgres://h/d?connect_timeout=0").connect_timeout, Some(Duration::ZERO));
}

#[test]
fn parameters_of_orms_are_used_or_noted() {
    let target = postgres(
        "postgresql://h/d?schema=tenant&connection_limit=5&pool_timeout=2&pgbouncer=true\
         &statement_cache_size=0&sslaccept=strict&socket_timeout=3&fancy=1",
    );
    assert_eq!(target.schema(), Some("tenant"));
    assert!(target.declares_pooler());
    let notes = target.notes().join("\n");
    for part in [
        "connection_limit",
        "pool_timeout",
        "statement_cache_size",
        "sslaccept=strict",
        "socket_timeout",
        "fancy",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    assert!(!notes.contains("pgbouncer") && !notes.contains("schema"), "{notes}");
}

#[test]
fn several_hosts_keep_their_ports_and_order() {
    let target = postgres("postgres://a:1,b,[::1]:3/d?target_session_attrs=primary");
    let labels: Vec<_> = target.endpoints().iter().map(Endpoint::label).collect();
    assert_eq!(labels, ["a:1", "b:5432", "[::1]:3"]);
    let target = postgres("host=a,/run/x port=7 dbname=d");
    let labels: Vec<_> = target.endpoints().iter().map(Endpoint::label).collect();
    assert_eq!(labels, ["a:7", "/run/x:7"]);
    let target = postgres("host=name hostaddr=10.0.0.9 dbname=d");
    assert_eq!(target.endpoints()[0].addr, Some("10.0.0.9".parse().unwrap()));
    assert_eq!(target.endpoints()[0].host, Host::Tcp("name".to_owned()));
}

#[test]
fn sqlite_paths_are_read_as_their_own_tools_read_them() {
    for (text, path) in [
        ("sqlite:dev.db", "dev.db"),
        ("sqlite:./a/dev.db", "./a/dev.db"),
        ("sqlite:/abs/dev.db", "/abs/dev.db"),
        ("sqlite://dev.db", "dev.db"),
        ("sqlite://./dev.db", "./dev.db"),
        ("sqlite:///abs/dev.db", "/abs/dev.db"),
        ("sqlite3:db/dev.sqlite3", "db/dev.sqlite3"),
        ("sqlite+aiosqlite:///dev.db", "dev.db"),
        ("sqlite+pysqlite:////abs/dev.db", "/abs/dev.db"),
        ("file:./dev.db", "./dev.db"),
        ("file:dev.db?connection_limit=1", "dev.db"),
        ("file:/abs/dev.db", "/abs/dev.db"),
        ("file:///abs/dev.db", "/abs/dev.db"),
        ("file://localhost/abs/dev.db", "/abs/dev.db"),
        ("sqlite:a%20b%3Fc.db", "a b?c.db"),
        ("sqlite:100%.db", "100%.db"),
        ("sqlite:with@and:colon.db", "with@and:colon.db"),
        ("SQLite:dev.db?mode=rwc", "dev.db"),
    ] {
        assert_eq!(sqlite(text).path(), Some(std::path::Path::new(path)), "{text}");
    }
    for text in [
        "sqlite::memory:",
        "sqlite://:memory:",
        ":memory:",
        "file::memory:?cache=shared",
        "sqlite+aiosqlite://",
        "sqlite:x?mode=memory",
    ] {
        assert_eq!(sqlite(text).location(), &SqliteLocation::Memory, "{text}");
    }
    assert!(sqlite("sqlite:dev.db?mode=ro").is_read_only());
    assert_eq!(sqlite("file:dev.db?connection_limit=1").notes().len(), 1);
}

#[test]
fn two_paths_to_one_file_are_one_database() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.db");
    let before = SqliteTarget::file(dir.path().join("./a.db")).identity();
    std::fs::write(&file, "").unwrap();
    assert_eq!(before, SqliteTarget::file(&file).identity());
    #[cfg(unix)]
    {
        let link = dir.path().join("link.db");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(SqliteTarget::file(link).identity(), before);
    }
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in "\\PC{0,60}") {
        let _ = everything_shown(&text);
    }

    #[test]
    fn nothing_like_a_url_makes_parsing_panic(
        text in "(postgres|postgresql\\+x|sqlite|file|host=)(:|://|:///)?[a-z0-9:/?#\\[\\]@%&=,.'\\\\ é🦀]{0,40}"
    ) {
        let _ = everything_shown(&text);
    }

    /// A password of any characters, properly encoded, arrives whole and is shown nowhere.
    #[test]
    fn a_password_arrives_whole_and_is_never_shown(
        password in "[^\0]{1,20}",
        tail in "(/app)?(\\?(sslmode=(require|x|verify-full)|foo=1|service=a|schema=s))?",
        host in "(h|h:1|h:x|\\[::1\\]|\\[::1|a,b|%2Frun)",
    ) {
        // A marker that occurs in nothing the program says by itself.
        let password = format!("Zq9{password}Zq9");
        let encoded = percent_encoding::utf8_percent_encode(&password, percent_encoding::NON_ALPHANUMERIC);
        let text = format!("postgres://u:{encoded}@{host}{tail}");
        prop_assert!(!everything_shown(&text).contains("Zq9"), "{}", everything_shown(&text));
        if let Ok(Target::Postgres(target)) = Target::parse(&text) {
            let arrived = target.password.unwrap();
            prop_assert_eq!(arrived.expose(), password);
        }
    }

    /// Raw, as careless people write it: what is shown has no piece of it either.
    #[test]
    fn a_raw_password_is_never_shown(password in "[-a-z0-9:/?#@%&=,.! ]{0,12}", tail in "(/app)?(\\?sslmode=require)?") {
        let text = format!("postgres://u:Zq9{password}Zq9@host{tail}");
        prop_assert!(!everything_shown(&text).contains("Zq9"), "{}", everything_shown(&text));
    }

    /// A quoted value of the key=value form gives back any text.
    #[test]
    fn quoted_values_arrive_whole(password in "\\PC{1,20}") {
        let quoted = password.replace('\\', "\\\\").replace('\'', "\\'");
        let target = postgres(&format!("host=h password='{quoted}' dbname=d"));
        let arrived = target.password.unwrap();
        prop_assert_eq!(arrived.expose(), password);
    }
}
