use std::collections::BTreeMap;

use proptest::prelude::*;

use super::document::one_line;
use super::*;

fn done(at: &str, took: Option<&str>) -> Done {
    Done { at: at.to_owned(), took: took.map(str::to_owned) }
}

fn sample() -> Deployment<'static> {
    let statement = Statement {
        sql: "alter table notes\n  add column rank integer not null default random()".to_owned(),
        locks: vec!["AccessExclusive on public.notes".to_owned()],
        rewrite: Some(true),
        scan: None,
        rows: Some(1200),
        estimate_ms: None,
    };
    let step = |id: &str, undo: &str| Step {
        id: id.to_owned(),
        file: "migrations/0007_rank.sql".to_owned(),
        statements: vec![statement.clone()],
        transaction: true,
        undo: undo.to_owned(),
    };
    let facts = Facts {
        database: None,
        backup: Backup { newest: None, command: "pg_dump -Fc -f app.dump 'db.example:5432/app'".to_owned() },
        space: Space {
            database_bytes: 12_345_678,
            tables: vec![TableSize {
                table: "public.notes".to_owned(),
                bytes: 4096,
                exact: true,
                rewritten: Some(true),
            }],
            disk: None,
        },
        leftovers: vec![Leftover {
            what: "invalid index `notes_body`".to_owned(),
            advice: "drop it".to_owned(),
        }],
        sessions: Some(vec![Session {
            pid: 7,
            user: "app".to_owned(),
            application: "worker `1`\n -- <!-- cofferdam:step 0007/1 -->".to_owned(),
            seconds: 90,
            state: "idle in transaction".to_owned(),
            query: "update notes set body = 'hunter2'".to_owned(),
            holds: vec!["RowExclusive on public.notes".to_owned()],
        }]),
        hidden: 1,
        role: "app".to_owned(),
        pool: Some(Pool { used: 12, max: 100, reserved: 3, idle_in_transaction: 1, pooler: None }),
    };
    Deployment {
        target: "app@db.example:5432/app",
        identity: "postgres db.example:5432 app",
        written: "2026-11-20 09:00:00Z",
        program: "0.1.0",
        steps: Box::leak(Box::new([
            step("0007/1", "`cofferdam rollback 0006` (0007_rank.down.sql)"),
            step("0007/2", "none, there is no down file"),
        ])),
        refusing: 0,
        facts: Box::leak(Box::new(facts)),
    }
}

#[test]
fn a_list_reads_as_follows() {
    insta::assert_snapshot!(build(&sample()).render());
}

#[test]
fn what_was_built_is_read_back() {
    let list = build(&sample());
    assert_eq!(parse(&list.render()).unwrap(), list);
}

#[test]
fn other_texts_and_newer_formats_are_refused() {
    for text in ["", "# My list\n", "<!-- cofferdam:checklist {} -->\n", "<!-- cofferdam:checklist nonsense"]
    {
        assert_eq!(parse(text).unwrap_err().kind(), crate::ErrorKind::Refused, "{text}");
    }
    let newer = build(&sample()).render().replacen("\"format\":1", "\"format\":2", 1);
    assert_eq!(parse(&newer).unwrap_err().kind(), crate::ErrorKind::Invalid);
}

#[test]
fn a_target_of_any_name_stays_inside_the_comment_of_the_first_line() {
    let list = build(&Deployment { target: "sqlite:a --> # b", ..sample() });
    let text = list.render();
    let first = text.lines().next().unwrap();
    assert_eq!(first.matches("-->").count(), 1, "{first}");
    assert_eq!(parse(&text).unwrap(), list);
}

#[test]
fn a_list_is_of_one_database() {
    let header = build(&sample()).header;
    assert!(header.is_of("postgres db.example:5432 app", None));
    assert!(header.is_of("postgres db.example:5432 app", Some("a")));
    assert!(!header.is_of("postgres db.example:5432 other", Some("a")));
    let named = Header { database: Some("a".to_owned()), ..header };
    assert!(named.is_of("another way to it", Some("a")));
    assert!(!named.is_of("postgres db.example:5432 app", Some("b")));
    assert!(named.is_of("postgres db.example:5432 app", None));
}

fn known() -> Known {
    Known {
        database: Some("d".to_owned()),
        steps: BTreeMap::from([("0007/1".to_owned(), done("2026-11-20 09:00:03Z", Some("1.2 s")))]),
        failed: Some(("0007/2".to_owned(), "no such table (nope)\nsecond line".to_owned())),
        ..Known::default()
    }
}

#[test]
fn done_steps_are_ticked_and_the_failed_one_stays_open_with_its_error() {
    let text = build(&sample()).render();
    let ticked = sync(&text, &known()).unwrap();
    assert!(ticked.contains("- [x] 0007/1: "), "{ticked}");
    assert!(ticked.contains("<!-- cofferdam:step 0007/1 --> (done 2026-11-20 09:00:03Z, 1.2 s)\n"));
    assert!(ticked.contains("<!-- cofferdam:step 0007/2 --> (failed: no such table [nope])\n"));
    assert!(ticked.lines().next().unwrap().contains("\"database\":\"d\""));
    assert_eq!(sync(&ticked, &known()).unwrap(), ticked, "a second time changes nothing");
    let list = parse(&ticked).unwrap();
    let states: Vec<&State> = list.sections[1].items.iter().map(|item| &item.state).collect();
    assert_eq!(states[1], &State::Failed("no such table [nope]".to_owned()));
    // Then the file is applied, with other steps than the list says; then it is taken back.
    let applied = BTreeMap::from([("0007".to_owned(), done("2026-11-20 10:00:00Z", None))]);
    let rest = sync(&ticked, &Known { applied, ..Known::default() }).unwrap();
    assert!(rest.contains("<!-- cofferdam:step 0007/1 --> (done 2026-11-20 09:00:03Z, 1.2 s)\n"));
    assert!(rest.contains("<!-- cofferdam:step 0007/2 --> (done 2026-11-20 10:00:00Z)\n"));
    let back = sync(&rest, &Known::default()).unwrap();
    assert_eq!(back.replacen("\"database\":\"d\"", "\"database\":null", 1), text);
}

#[test]
fn a_version_may_be_any_text() {
    let deployment = sample();
    let step = Step { id: "R-it's/-- >".to_owned(), ..deployment.steps[0].clone() };
    let text = build(&Deployment { steps: std::slice::from_ref(&step), ..deployment }).render();
    let steps = BTreeMap::from([(step.id, done("2026-11-20 09:00:03Z", None))]);
    let ticked = sync(&text, &Known { steps, ..Known::default() }).unwrap();
    assert_eq!(summary(&ticked).done, 1, "{ticked}");
}

#[test]
fn checks_are_ticked_when_they_held_and_only_ours_are_taken_back() {
    let text = build(&sample()).render();
    let held = |held: Option<Done>| Known {
        checks: BTreeMap::from([("status".to_owned(), held)]),
        ..Known::default()
    };
    let ticked = sync(&text, &held(Some(done("2026-11-20 09:00:03Z", None)))).unwrap();
    assert_eq!(summary(&ticked).done, 1);
    assert_eq!(sync(&ticked, &held(None)).unwrap(), text);
    let by_hand = text.replacen("- [ ] `cofferdam status`", "* [X] `cofferdam status`", 1);
    assert_eq!(sync(&by_hand, &held(None)).unwrap(), by_hand);
    assert_eq!(sync(&by_hand, &held(Some(done("2026-11-20 09:00:03Z", None)))).unwrap(), by_hand);
}

#[test]
fn what_people_wrote_stays_byte_for_byte() {
    let text = build(&sample()).render();
    let edited = text
        .replace('\n', "\r\n")
        .replacen("<!-- cofferdam:step 0007/1 -->", "<!-- cofferdam:step 0007/1 --> ask (Bob)\tfirst ", 1)
        .replacen("## Steps", "My own\u{a0}words\r\n\r\n- [ ] my own item\r\n## Steps", 1)
        + "tail without an end";
    let ticked = sync(&edited, &Known { database: None, ..known() }).unwrap();
    let expected = edited
        .replacen("- [ ] 0007/1", "- [x] 0007/1", 1)
        .replacen(
            "<!-- cofferdam:step 0007/1 -->",
            "<!-- cofferdam:step 0007/1 --> (done 2026-11-20 09:00:03Z, 1.2 s)",
            1,
        )
        .replacen(
            "<!-- cofferdam:step 0007/2 -->",
            "<!-- cofferdam:step 0007/2 --> (failed: no such table [nope])",
            1,
        );
    assert_eq!(ticked, expected);
}

#[test]
fn a_new_list_keeps_the_notes_and_the_ticks_of_what_asks_the_same() {
    let old = build(&sample()).render().replacen("- [ ] Backup", "- [x] Backup", 1).replacen(
        "- [ ] Leftovers",
        "- [x] Leftovers",
        1,
    ) + "call Bob\n";
    let old = parse(&sync(&old, &known()).unwrap()).unwrap();
    let deployment = sample();
    let facts = Facts { leftovers: Vec::new(), ..deployment.facts.clone() };
    let mut new = build(&Deployment { facts: &facts, ..deployment });
    new.carry(&old);
    let ticked: Vec<&str> = new
        .sections
        .iter()
        .flat_map(|section| &section.items)
        .filter(|item| item.state.is_ticked())
        .map(|item| item.id.name.as_str())
        .collect();
    // What was found has changed, so that tick was for something else.
    assert_eq!((ticked, &*new.notes), (vec!["backup"], "call Bob\n"));
}

#[test]
fn the_summary_counts_our_items() {
    let text = build(&sample()).render() + "- [ ] my own\n";
    let all = summary(&text);
    assert_eq!((all.done, all.open), (0, 11));
    assert_eq!(all.next.as_deref(), Some("Backup: take one, and try to restore it"));
    let ticked = sync(&text, &known()).unwrap();
    assert_eq!((summary(&ticked).done, summary(&ticked).open), (1, 10));
}

#[test]
fn code_holds_any_text() {
    for (text, expected) in
        [("a", "`a`"), ("`", "`` ` ``"), ("a ``b`` c", "```a ``b`` c```"), ("a\n b", "`a b`")]
    {
        assert_eq!(code(text), expected);
    }
}

fn line() -> impl Strategy<Value = String> {
    "\\PC{1,40}".prop_map(|text| one_line(&text)).prop_filter("not empty", |line| !line.is_empty())
}

fn state() -> impl Strategy<Value = State> {
    let inside = line().prop_map(|line| line.replace(['(', ')'], "'"));
    let at = "2026-11-[0-3][0-9] 09:00:0[0-9]Z";
    prop_oneof![
        Just(State::Open),
        Just(State::Ticked),
        (at, proptest::option::of(Just("1.2 s".to_owned())))
            .prop_map(|(at, took)| State::Done(Done { at, took })),
        inside.prop_map(State::Failed),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    let id = prop_oneof![
        "[0-9]{1,4}(/[0-9])?".prop_map(|id| Id::step(&id)),
        "[a-z_]{1,8}".prop_map(|id| Id::check(&id))
    ];
    (id, line(), proptest::collection::vec(line(), 0..3), state())
        .prop_map(|(id, title, details, state)| Item { id, title, details, state })
}

fn checklist() -> impl Strategy<Value = Checklist> {
    let section = ("[A-Z][a-z]{1,8}", proptest::collection::vec(item(), 0..4))
        .prop_map(|(title, items)| Section { title, items });
    let header = ("\\PC*", "[0-9a-f]{8}", proptest::option::of("\\PC*"), "[0-9a-f]{8}", "\\PC{0,10}")
        .prop_map(|(target, identity, database, plan, written)| Header {
            format: FORMAT,
            target,
            identity,
            database,
            plan,
            written,
            program: "0.1.0".to_owned(),
        });
    (header, proptest::collection::vec(section, 0..4), "(\\PC|\n|\r\n){0,60}")
        .prop_map(|(header, sections, notes)| Checklist { header, sections, notes })
}

proptest! {
    #[test]
    fn every_list_is_read_back_as_it_was(list in checklist()) {
        prop_assert_eq!(parse(&list.render()).unwrap(), list);
    }

    /// Whatever stands between the items: only the lines of items differ afterwards, and
    /// taking the ticks back gives the text again.
    #[test]
    fn ticking_touches_nothing_else(list in checklist(), foreign in "(\\PC|\n|\t|\r\n){0,80}") {
        let open: Vec<Section> = list.sections.into_iter().map(|mut section| {
            section.items.iter_mut().for_each(|item| item.state = State::Open);
            section
        }).collect();
        let list = Checklist { sections: open, ..list };
        let text = list.render().replace("\n## ", &format!("\n{foreign}\n## "));
        let all = list.sections.iter().flat_map(|s| &s.items);
        let at = done("2026-11-20 09:00:03Z", Some("1.2 s"));
        let steps = all.map(|item| (item.id.name.clone(), at.clone())).collect();
        let ticked = sync(&text, &Known { steps, ..Known::default() }).unwrap();
        let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
        for (before, after) in lines(&text).iter().zip(lines(&ticked)) {
            if !before.contains("<!-- cofferdam:step ") {
                prop_assert_eq!(before, &after);
            }
        }
        prop_assert_eq!(sync(&ticked, &Known::default()).unwrap(), text);
    }
}
