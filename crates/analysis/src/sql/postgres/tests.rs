//! Statements and what is read of them: tables in `tests/*.txt`, a statement on a line
//! of its own and its effects indented below.

mod mutation;
mod show;

use show::show;

use super::super::{MetaLine, Read, Within};
use crate::place::Span;

/// Statements with the effects expected of them.
fn forms(table: &'static str) -> impl Iterator<Item = (&'static str, String)> {
    let mut lines = table.lines().peekable();
    std::iter::from_fn(move || {
        let sql = lines.next()?;
        let mut effects = Vec::new();
        while let Some(effect) = lines.next_if(|line| line.starts_with("    ")) {
            effects.push(effect.trim_start().trim_end());
        }
        Some((sql, effects.join("\n")))
    })
}

fn check_forms(table: &'static str) {
    let wrong: Vec<String> = forms(table)
        .filter_map(|(sql, expected)| {
            let found = show(sql).lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
            (found != expected).then(|| format!("{sql}\nexpected:\n{expected}\nfound:\n{found}\n"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tables_columns_constraints_and_indexes() {
    check_forms(include_str!("tests/tables.txt"));
}

#[test]
fn changes_of_rows_and_queries() {
    check_forms(include_str!("tests/changes.txt"));
}

#[test]
fn objects_that_are_no_tables() {
    check_forms(include_str!("tests/objects.txt"));
}

#[test]
fn transactions_settings_locks_and_privileges() {
    check_forms(include_str!("tests/session.txt"));
}

#[test]
fn bodies_of_blocks_and_functions() {
    check_forms(include_str!("tests/bodies.txt"));
}

#[test]
fn statements_that_cannot_be_read() {
    check_forms(include_str!("tests/damage.txt"));
}

/// Every statement of the tables.
fn seeds() -> Vec<&'static str> {
    let tables = [
        include_str!("tests/tables.txt"),
        include_str!("tests/changes.txt"),
        include_str!("tests/objects.txt"),
        include_str!("tests/session.txt"),
        include_str!("tests/bodies.txt"),
        include_str!("tests/damage.txt"),
    ];
    tables.into_iter().flat_map(forms).map(|(sql, _)| sql).collect()
}

/// The statements `text` is cut into.
fn cut(text: &str) -> Vec<&str> {
    super::read(text).statements.iter().map(|s| s.span.of(text)).collect()
}

fn meta(text: &str) -> Vec<(String, &str)> {
    super::read(text).meta.iter().map(|MetaLine { span, command }| (command.clone(), span.of(text))).collect()
}

#[test]
fn a_semicolon_ends_a_statement_unless_it_is_part_of_one() {
    for (text, expected) in [
        ("", &[][..]),
        (" ;; -- nothing\n ; /* ; */", &[]),
        ("select 1;select 2", &["select 1", "select 2"]),
        (
            "select ';', \";\", $$;$$, $a$;$$;$a$, E'\\';', U&';'; select 2",
            &["select ';', \";\", $$;$$, $a$;$$;$a$, E'\\';', U&';'", "select 2"],
        ),
        ("select 1 /* ; /* ; */ ; */ + 2 -- ;\n + 3;", &["select 1 /* ; /* ; */ ; */ + 2 -- ;\n + 3"]),
        ("-- before\nselect 1 -- behind\n;", &["select 1"]),
        ("select (1; select 2", &["select (1", "select 2"]),
        (
            "create rule r as on insert to t do (delete from a; delete from b); select 1",
            &["create rule r as on insert to t do (delete from a; delete from b)", "select 1"],
        ),
        (
            "create or replace procedure p() begin atomic select case when a then 1 end; select 2; end; select 3",
            &[
                "create or replace procedure p() begin atomic select case when a then 1 end; select 2; end",
                "select 3",
            ],
        ),
        ("begin; select 1; end; select 2", &["begin", "select 1", "end", "select 2"]),
        (
            "create function f() returns int as 'begin atomic' language sql; select 1",
            &["create function f() returns int as 'begin atomic' language sql", "select 1"],
        ),
        ("create table atomic (begin int); select 1", &["create table atomic (begin int)", "select 1"]),
    ] {
        assert_eq!(cut(text), expected, "{text}");
    }
}

#[test]
fn a_body_without_end_costs_one_statement() {
    let routine = "create function f() returns int begin atomic select 1; create table t (a int); select 2;";
    assert_eq!(
        cut(routine),
        ["create function f() returns int begin atomic select 1", "create table t (a int)", "select 2"]
    );
    let rule = "create rule r as on insert to t do (delete from a; select 2; select 3";
    assert_eq!(cut(rule), ["create rule r as on insert to t do (delete from a", "select 2", "select 3"]);
    let comments = "create function f() returns int begin atomic select 1; -- x\n select 2;";
    assert_eq!(super::read(comments).comments.len(), 1);
}

#[test]
fn psql_lines_are_set_aside_and_offsets_stay() {
    let text = "\\restrict Ab1\nselect 1;\n\\set it's (\nselect 2 \\gset x_\nselect\n\\echo ' between\n3;\n\\unrestrict Ab1";
    assert_eq!(cut(text), ["select 1", "select 2", "select\n\\echo ' between\n3"]);
    assert_eq!(show(text).lines().last(), Some("select [Number(\"3\")]"));
    assert_eq!(
        meta(text),
        [
            ("restrict".to_owned(), "\\restrict Ab1"),
            ("set".to_owned(), "\\set it's ("),
            ("gset".to_owned(), "\\gset x_"),
            ("echo".to_owned(), "\\echo ' between"),
            ("unrestrict".to_owned(), "\\unrestrict Ab1"),
        ]
    );
    assert_eq!(cut("select '\\x'; select 1\\; select 2;"), ["select '\\x'", "select 1", "select 2"]);
}

#[test]
fn data_behind_copy_is_no_sql() {
    let text = "copy t (a, b) from stdin with (format csv);\n1\tit's ;\n\\N\t\\.x\n\\.\nselect 1;";
    assert_eq!(cut(text), ["copy t (a, b) from stdin with (format csv)", "select 1"]);
    assert_eq!(meta(text), [("copy data".to_owned(), "1\tit's ;\n\\N\t\\.x\n\\.")]);
    assert_eq!(meta("COPY t FROM STDIN;\r\n1\r\n\\.\r\nselect 1;").len(), 1);
    assert_eq!(
        cut("copy t from stdin; select 1;\n1\n\\.\nselect 2"),
        ["copy t from stdin", "select 1", "select 2"]
    );
    for without_data in [
        "copy t to stdout;\nselect 1;",
        "copy t from 'stdin';\nselect 1;",
        "copy (select a from stdin) to stdout;\nselect 1;",
        "select a from stdin;\nselect 1;",
    ] {
        assert_eq!(cut(without_data).len(), 2, "{without_data}");
        assert_eq!(meta(without_data), []);
    }
}

#[test]
fn comments_are_found_inside_and_outside_of_statements_but_not_in_strings() {
    let text = "/* a */ select 1, -- b\n '-- c', $$ /* d */ $$; -- e";
    let comments = super::read(text).comments;
    let comments: Vec<&str> = comments.iter().map(|span| span.of(text)).collect();
    assert_eq!(comments, ["/* a */", "-- b", "-- e"]);
}

#[test]
fn effects_point_at_the_bytes_that_cause_them() {
    let text = "select 1;\ndo $x$ begin\n  drop table a; execute 'truncate ' || '\"ta''ble_b\"';\n  execute $y$ delete from c $y$; \
                end $x$;\ndo E'begin lock \\x74, \"é\"; drop view v; end';\nalter table t drop a , add b int ;\n\
                create function f() returns int language sql as '  delete from \"it''s\"; select 1 ';";
    let read = super::read(text);
    let effects = read.statements.iter().flat_map(|s| &s.effects);
    let places: Vec<&str> =
        effects.filter(|e| e.within != Within::Statement).map(|e| e.span.of(text)).collect();
    assert_eq!(
        places,
        [
            "drop table a",
            "truncate ' || '\"ta''ble_b\"",
            "delete from c",
            "lock \\x74, \"é\"",
            "drop view v",
            "delete from \"it''s\"",
            "select 1",
        ]
    );
    let clauses: Vec<&str> = read.statements[3].effects.iter().map(|e| e.span.of(text)).collect();
    assert_eq!(clauses, ["drop a", "add b int"]);
}

#[test]
fn one_bad_statement_leaves_its_neighbours_alone() {
    let Read { statements, .. } =
        super::read("create table a (x int;\ndrop tabel b;\nselect 'x' 'y';\ndrop table c;");
    let damaged: Vec<bool> = statements.iter().map(|s| s.damage.is_some()).collect();
    assert_eq!(damaged, [true, true, true, false]);
    assert_eq!(statements.iter().map(|s| s.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(statements[1].verb, "drop tabel");
}

#[test]
fn what_nests_too_deeply_is_refused_by_count() {
    let parentheses = |n: usize| format!("select {}1{}; select 2", "(".repeat(n), ")".repeat(n));
    let damage = |text: &str| super::read(text).statements[0].damage.clone().map(|d| d.message);
    assert_eq!(damage(&parentheses(900)), None);
    for text in [
        parentheses(20_000),
        format!("select 1{}", " + 1".repeat(20_000)),
        format!("select {} true", "not ".repeat(20_000)),
        format!("select 1{}", " union all select 1, 2".repeat(20_000)),
        format!("select {}", "case when a then ".repeat(20_000)),
        format!("select {}", "array[".repeat(20_000)),
    ] {
        assert_eq!(damage(&text).as_deref(), Some("nested too deeply"), "{}", &text[..40]);
    }
    assert_eq!(damage(&format!("delete from t where a = 0{}", " or a = 1".repeat(4_000))), None);
    let body =
        format!("do $$ begin {} null; {} end $$", "if a then ".repeat(20_000), "end if; ".repeat(20_000));
    assert_eq!(show(&body), "call \ndo: unread: a body that nests too deeply");
}

#[test]
fn odd_bytes_and_unfinished_texts_end_in_damage() {
    for text in [
        "select 1;\0",
        "select '\0",
        "select $a$",
        "/* ",
        "e'",
        "u&\"",
        "\u{feff}",
        "1\u{feff};",
        "x'",
        "$1",
        "}",
        "é;é",
    ] {
        let read = super::read(text);
        assert!(read.statements.iter().any(|s| s.damage.is_some()), "{text:?}");
        mutation::check(text, &read);
    }
    let marked = "select 1;\n\u{feff}create table t (a int);";
    assert_eq!(
        show(marked).lines().last(),
        Some("[byte order mark in the middle of the file at \"\\u{feff}\"]")
    );
}

#[test]
fn a_long_insert_is_read_and_none_of_its_rows_is_kept() {
    let rows: Vec<String> =
        (0..200_000).map(|i| format!("({i}, 'some text that makes it long {i}')")).collect();
    let text = format!("insert into t (a, b) values {}; drop table t", rows.join(", "));
    assert!(text.len() > 9_000_000);
    let read = super::read(&text);
    let crate::sql::Action::Insert(insert) = &read.statements[0].effects[0].action else {
        panic!("an insert")
    };
    assert_eq!(insert.source, crate::sql::InsertSource::Values);
    assert_eq!(read.statements.len(), 2);
    assert_eq!(read.statements[1].span, Span::new(text.len() - 12, text.len()));
}
