use cofferdam_analysis::ErrorKind;

use super::*;

fn postgres(database: &str, oid: u32, system: Option<&str>) -> Place {
    Place::Postgres { database: database.to_owned(), oid, system: system.map(str::to_owned) }
}

fn file(path: &str, device: u64, inode: u64) -> Place {
    Place::Sqlite { path: path.to_owned(), device: Some(device), inode: Some(inode) }
}

fn protected(configured: bool, confirm: Option<&str>, mark: Option<Place>, here: Place) -> Result<Protected> {
    let asked = Protection {
        configured: configured.then(|| "[env.production] in cofferdam.toml".to_owned()),
        unknown: Vec::new(),
        confirm: confirm.map(str::to_owned),
        again: Some("cofferdam rollback --env production".to_owned()),
    };
    let mark = mark.map(|place| Mark { place, audit: 7 });
    Protected::new(&asked, Some(here.clone()), here.name(), "db.example:5432".to_owned(), mark)
}

#[test]
fn a_mark_holds_for_the_database_and_not_for_its_copies() {
    let app = postgres("app", 16384, Some("1"));
    for (here, holds, what) in [
        (postgres("app", 16384, Some("1")), true, "itself"),
        (postgres("app_old", 16384, Some("1")), true, "renamed"),
        (postgres("app", 20000, Some("1")), true, "restored in its place"),
        (postgres("copy", 20000, Some("1")), false, "made by template or restored beside it"),
        (postgres("app", 16384, Some("2")), false, "restored on another server"),
        (postgres("app", 20000, None), true, "the cluster cannot be told: the name decides"),
        (postgres("copy", 16384, None), false, "the cluster cannot be told: the name decides"),
    ] {
        assert_eq!(app.is_of(&here), holds, "{what}");
        assert_eq!(here.is_of(&app), holds, "{what}");
    }
    let notes = file("/data/notes.db", 1, 2);
    for (here, holds, what) in [
        (file("/data/notes.db", 1, 2), true, "itself"),
        (file("/data/other.db", 1, 2), true, "renamed, or another link to it"),
        (file("/data/notes.db", 1, 3), true, "a copy in its place"),
        (file("/data/copy.db", 1, 3), false, "a copy"),
        (file("/data/copy.db", 2, 2), false, "a copy on another disk"),
    ] {
        assert_eq!(notes.is_of(&here), holds, "{what}");
    }
    let nowhere = |path: &str| Place::Sqlite { path: path.to_owned(), device: None, inode: None };
    assert!(!nowhere("/a").is_of(&nowhere("/b")), "two files that are not there are two");
    assert!(!app.is_of(&notes));
}

#[test]
fn a_confirmation_is_asked_for_where_it_must_be_given_and_compared_wherever_it_is() {
    let app = || postgres("app", 1, Some("1"));
    let of_other = || Some(postgres("other", 2, Some("1")));
    for (configured, mark, asks) in
        [(false, None, false), (true, None, true), (false, Some(app()), true), (false, of_other(), false)]
    {
        let demand = |confirm| protected(configured, confirm, mark.clone(), app())?.demand("roll back", &[]);
        assert_eq!(demand(None).is_err(), asks, "{configured} {mark:?}");
        assert!(demand(Some("app")).is_ok(), "{configured} {mark:?}");
        let wrong = demand(Some("ap")).expect_err("another database");
        assert_eq!(wrong.kind(), ErrorKind::Refused);
        assert_eq!(wrong.message(), "--confirm names ap, and this database is app");
    }
}

#[test]
fn the_refusal_says_what_why_and_what_to_type() {
    let app = postgres("app", 1, Some("1"));
    let because = ["it drops notes".to_owned(), "0008_more.sql drops tags".to_owned()];
    let demand = protected(true, None, Some(app.clone()), app);
    let error = demand.and_then(|p| p.demand("apply 0007_drop.sql to", &because)).expect_err("no name");
    assert_eq!(error.message(), "cannot apply 0007_drop.sql to the protected database app: it drops notes");
    let hint = "if app is the database that you mean: cofferdam rollback --env production --confirm app";
    assert_eq!(error.hint_text(), Some(hint));
    assert_eq!(
        error.details(),
        [
            "0008_more.sql drops tags",
            "app is at db.example:5432",
            "protected because [env.production] in cofferdam.toml says so",
            "its ledger has the mark too (audit entry 7)",
        ]
    );
}

#[test]
fn a_copy_says_of_what_and_is_marked_only_where_the_configuration_asks() {
    let (app, copy) = (postgres("app", 1, Some("1")), postgres("copy", 2, Some("1")));
    let seen = protected(false, None, Some(app.clone()), copy.clone()).expect("no confirmation");
    assert_eq!((seen.told().copy_of.as_deref(), seen.told().protected), (Some("app"), false));
    assert!(!seen.is_to_be_marked());
    assert!(protected(true, None, Some(app.clone()), copy).expect("valid").is_to_be_marked());
    assert!(!protected(true, None, Some(app.clone()), app).expect("valid").is_to_be_marked());
}

#[test]
fn a_mark_is_read_as_it_was_written_and_nothing_else_is_taken_for_none() {
    for place in [postgres("app", 16384, Some("7")), file("/data/notes.db", 1, u64::MAX)] {
        let mark = Mark { place, audit: 3 };
        assert_eq!(Mark::read(&serde_json::json!(mark).to_string()).expect("one"), mark);
    }
    // What a later version adds does not hide the mark.
    let later = r#"{"kind":"postgres","database":"app","oid":1,"system":null,"audit":3,"since":"2026"}"#;
    assert!(Mark::read(later).is_ok());
    for text in ["", "true", "{}", r#"{"kind":"mysql","audit":1}"#] {
        assert_eq!(Mark::read(text).expect_err(text).kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn names_are_quoted_for_a_shell_where_they_must_be() {
    for (name, word) in [
        ("app", "app"),
        ("notes.db", "notes.db"),
        ("my app", "'my app'"),
        ("a'b", "'a'\\''b'"),
        ("-x", "'-x'"),
    ] {
        assert_eq!(quoted(name), word);
    }
}
