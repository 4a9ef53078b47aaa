use std::borrow::Cow;

use crate::place::Span;
use crate::sql::expr::{Expr, Literal};
use crate::sql::table::{Column, ConstraintKind, CreateTable, Generated, TableChange};
use crate::sql::{
    Action, Dialect, Filter, Insert, InsertSource, ObjectKind, ObjectName, OnConflict, Query, Script,
    Statement, TransactionCommand, Update, Within,
};

fn script(sql: &str) -> Script {
    Script::parse(Dialect::Sqlite, "test.sql", sql)
}

/// The only statement of `sql`, which must be sound.
fn statement(sql: &str) -> Statement {
    let mut statements = script(sql).statements;
    assert_eq!(statements.len(), 1, "{sql}");
    let statement = statements.remove(0);
    assert_eq!(statement.damage, None, "{sql}");
    statement
}

/// The first action of the only statement of `sql`.
fn action(sql: &str) -> Action {
    let mut effects = statement(sql).effects.into_vec();
    effects.remove(0).action
}

fn table(sql: &str) -> CreateTable {
    match action(sql) {
        Action::CreateTable(table) => *table,
        other => panic!("{other:?}"),
    }
}

fn column(definition: &str) -> Column {
    table(&format!("create table t ({definition})")).columns.remove(0)
}

fn insert(sql: &str) -> Insert {
    match action(sql) {
        Action::Insert(insert) => *insert,
        other => panic!("{other:?}"),
    }
}

fn update(sql: &str) -> Update {
    match action(sql) {
        Action::Update(update) => *update,
        other => panic!("{other:?}"),
    }
}

fn select(sql: &str) -> Query {
    match action(sql) {
        Action::Select(query) => *query,
        other => panic!("{other:?}"),
    }
}

fn item(expr: &str) -> Expr {
    select(&format!("select {expr}")).items.remove(0)
}

/// The clause, and whether the statement is damaged.
fn change(sql: &str) -> (TableChange, bool) {
    let statement = script(sql).statements.remove(0);
    match statement.effects.into_vec().remove(0).action {
        Action::AlterTable { change, .. } => (change, statement.damage.is_some()),
        other => panic!("{other:?}"),
    }
}

fn texts(sql: &str) -> Vec<String> {
    let script = script(sql);
    script.statements.iter().map(|s| script.sql(s).to_owned()).collect()
}

fn names(names: &[&str]) -> Vec<ObjectName> {
    names.iter().map(|n| ObjectName::bare(*n)).collect()
}

#[test]
fn statements_end_at_semicolons_and_comments_stay_outside() {
    let sql = " -- a; b\nselect 1 /* ; */ ; ;\n;select ';' -- c\n;";
    assert_eq!(texts(sql), ["select 1", "select ';'"]);
    let read = super::read(sql);
    let comments: Vec<&str> = read.comments.iter().map(|c| c.of(sql)).collect();
    assert_eq!(comments, ["-- a; b", "/* ; */", "-- c"]);
}

#[test]
fn a_triggers_semicolons_are_its_own() {
    let trigger = "create temp trigger t after insert on a when new.begin begin \
                   update b set x = case when 1 then 2 end; select 1; end";
    assert_eq!(texts(&format!("{trigger}; select 1;")), [trigger, "select 1"]);
    assert_eq!(texts(trigger), [trigger]);
}

#[test]
fn a_trigger_cut_off_does_not_swallow_the_file() {
    let sql = "create trigger t after insert on a; select 1; \
               create trigger u after insert on a begin select 2; create table x (a); select 3;";
    let script = script(sql);
    let sound: Vec<bool> = script.statements.iter().map(|s| s.damage.is_none()).collect();
    assert_eq!(sound, [false, true, false, true, true]);
}

#[test]
fn what_is_no_token_costs_one_statement() {
    for bad in [
        "select {{x}}",
        "select 1 ! 2",
        "select 12abc",
        "select x'abc'",
        "select 0x",
        "select $",
        "select \0 1",
    ] {
        let script = script(&format!("select 1; {bad}; select 2;"));
        let sound: Vec<bool> = script.statements.iter().map(|s| s.damage.is_none()).collect();
        assert_eq!(sound, [true, false, true], "{bad}");
    }
}

#[test]
fn an_open_quote_costs_up_to_the_next_semicolon() {
    let script = script("insert into t values ('it's'); select 1; select [a; select 2;");
    let sound: Vec<bool> = script.statements.iter().map(|s| s.damage.is_none()).collect();
    assert_eq!(sound, [false, true, false, true]);
    assert_eq!(script.statements[0].damage.as_ref().map(|d| d.span.start), Some(27));
}

#[test]
fn an_open_comment_ends_with_the_text_as_in_sqlite() {
    assert_eq!(texts("select 1 /* and so on; select 2"), ["select 1"]);
    assert!(texts("/* nothing else").is_empty());
}

#[test]
fn lines_of_the_shell_are_no_sql() {
    let script = script(".mode csv\n  .read it's\nselect a\n.b;\n.quit");
    let commands: Vec<&str> = script.meta.iter().map(|m| m.command.as_str()).collect();
    assert_eq!(commands, ["mode", "read", "quit"]);
    assert_eq!(script.meta[1].span.of(&script.text), ".read it's");
    assert_eq!(script.statements.len(), 1);
}

#[test]
fn damage_stands_where_sqlite_stops() {
    let script = script("\nselect a b c\n  from t;\nselect (1;\ncreate table a (x)\ncreate table b (y);");
    let at: Vec<_> = script
        .statements
        .iter()
        .map(|s| s.damage.as_ref().map(|d| (d.span.of(&script.text), d.message.clone())))
        .collect();
    let near = |w: &'static str| Some((w, format!("near \"{w}\": syntax error")));
    assert_eq!(at, [near("c"), Some(("", "incomplete input".to_owned())), near("create")]);
}

#[test]
fn nesting_cannot_abort_the_process() {
    for depth in [50, 5_000, 20_000, 200_000] {
        for (open, close) in [("(", ")"), ("(select ", ")"), ("case when ", " then 1 end"), ("f(", ")")] {
            let sql = format!("select {}1{}; select 2", open.repeat(depth), close.repeat(depth));
            let script = script(&sql);
            assert_eq!(script.statements.len(), 2, "{depth} {open}");
            assert_eq!(script.statements[1].damage, None);
            let refused =
                script.statements[0].damage.as_ref().is_some_and(|d| d.message.contains("levels deep"));
            assert!(refused || depth < 10_000, "{depth} {open}");
            // What has been read is dropped when the error comes.
            super::read(&format!("select {}1{} from from", open.repeat(depth), close.repeat(depth)));
        }
        script(&format!("select {}", "(".repeat(depth)));
        script(&format!("select {}1", "- ".repeat(depth)));
        script(&format!("select 1 {}", "+ 1".repeat(depth)));
        script(&format!("select * from {}t{}", "(".repeat(depth), ")".repeat(depth)));
    }
}

#[test]
fn a_long_insert_is_read_and_none_of_its_rows_is_kept() {
    let sql =
        format!("insert into t values (1, 'x'){}", ", (2, 'some text that makes it long')".repeat(300_000));
    assert!(sql.len() > 10_000_000);
    assert_eq!(insert(&sql).source, InsertSource::Values);
    assert_eq!(item("'x'").literal, Some(Literal::String("x".to_owned())));
}

#[test]
fn names_lose_their_quotes() {
    let t = table("create table \"a\"\"b\" (`c``d` int, [e f] int, 'g''h' int, key int)");
    assert_eq!(t.name, Some(ObjectName::bare("a\"b")));
    let columns: Vec<&str> = t.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(columns, ["c`d", "e f", "g'h", "key"]);
}

#[test]
fn a_column_tells_all_of_its_definition() {
    let sql = "create table main.t (a VARCHAR (10, 2) constraint nn not null on conflict ignore default -1.5 \
               check (a > 0) references p (x) on delete set null on update cascade deferrable collate nocase unique)";
    let t = table(sql);
    let a = &t.columns[0];
    assert_eq!(t.name, Some(ObjectName::qualified("main", "t")));
    assert_eq!(a.ty.as_ref().map(ToString::to_string), Some("varchar(10,2)".to_owned()));
    assert!(a.not_null && a.unique && !a.primary_key);
    assert_eq!(a.default.as_ref().and_then(|d| d.literal.clone()), Some(Literal::Number("-1.5".to_owned())));
    assert_eq!(*a.checks[0].columns, ["a"]);
    let far = a.references.as_ref().expect("references");
    assert_eq!((far.on_delete.as_str(), far.on_update.as_str()), ("set null", "cascade"));
    assert_eq!(a.collation.as_deref(), Some("nocase"));
    let (how, span) = a.on_conflict.as_ref().expect("on conflict");
    assert_eq!((how.as_str(), span.of(sql)), ("ignore", "on conflict ignore"));
    assert!(a.span.of(sql).starts_with("a VARCHAR") && a.span.of(sql).ends_with("unique"));
}

#[test]
fn of_several_conflict_clauses_the_one_that_loses_rows_is_kept() {
    let how = |definition: &str| column(definition).on_conflict.map(|c| c.0);
    assert_eq!(how("a not null on conflict fail unique on conflict replace"), Some("replace".to_owned()));
    assert_eq!(how("a not null on conflict ignore unique on conflict abort"), Some("ignore".to_owned()));
    assert_eq!(how("a not null on conflict rollback"), Some("rollback".to_owned()));
}

#[test]
fn keys_defaults_and_generated_columns_are_told_apart() {
    let id = column("id integer primary key desc on conflict replace autoincrement");
    assert!(id.primary_key && id.autoincrement && id.on_conflict.is_some());
    assert_eq!(column("a int generated always as (b * 2) stored").generated, Some(Generated::Stored));
    assert_eq!(column("a int generated always as (b * 2) stored").ty.map(|t| t.name), Some("int".to_owned()));
    assert_eq!(column("a as (b)").generated, Some(Generated::Virtual));
    let default = |d: &str| column(&format!("a text default {d}")).default.expect("a default");
    assert_eq!(default("current_timestamp").literal, Some(Literal::Time));
    assert_eq!(default("(current_timestamp)").literal, Some(Literal::Time));
    assert_eq!(default("\"x\"").literal, Some(Literal::String("x".to_owned())));
    assert_eq!(default("true").literal, Some(Literal::Bool(true)));
    assert_eq!(default("null").literal, Some(Literal::Null));
    let random = default("(random() + 1)");
    assert_eq!((random.calls, random.literal), (["random".to_owned()].into(), None));
    assert_eq!(default("(1)").span.end - default("(1)").span.start, 3);
}

#[test]
fn constraints_need_no_comma_between_them() {
    let t = table(
        "create table t (a, b, constraint pk primary key (a, b desc) on conflict ignore unique (\"a\") \
         check (a > b) foreign key (a) references p on delete cascade, constraint lonely) without rowid, strict",
    );
    assert!(t.without_rowid && t.strict);
    assert_eq!(t.constraints.len(), 4);
    assert_eq!(t.constraints[0].name.as_deref(), Some("pk"));
    assert_eq!(t.constraints[0].on_conflict.as_ref().map(|c| c.0.as_str()), Some("ignore"));
    assert!(
        matches!(&t.constraints[0].kind, ConstraintKind::PrimaryKey { columns, .. } if *columns == ["a", "b"])
    );
    assert!(matches!(&t.constraints[1].kind, ConstraintKind::Unique { columns, .. } if *columns == ["a"]));
    assert!(matches!(&t.constraints[3].kind, ConstraintKind::ForeignKey { references, .. }
        if references.on_delete == "cascade" && references.columns.is_empty()));
}

#[test]
fn a_virtual_table_names_its_module() {
    let t = table("create virtual table if not exists v using fts5(a, content='it''s', tokenize = (x(y)))");
    assert_eq!(t.module.as_deref(), Some("fts5"));
    assert!(t.if_not_exists && t.columns.is_empty());
}

#[test]
fn an_index_keeps_its_table_expressions_and_condition() {
    let Action::CreateIndex(index) =
        action("create unique index main.i on t (a collate nocase desc, lower(b)) where c")
    else {
        panic!("an index")
    };
    assert_eq!(index.table, ObjectName::qualified("main", "t"));
    assert!(index.unique);
    assert_eq!(*index.columns[0].columns, ["a"]);
    assert_eq!(*index.columns[1].calls, ["lower"]);
    assert!(matches!(index.predicate, Filter::Condition(_)));
}

#[test]
fn bodies_follow_what_creates_them() {
    let s = statement("create view v as with q as (select * from a) select * from q, b");
    assert!(matches!(&s.effects[0].action, Action::Create { kind: ObjectKind::View, .. }));
    assert_eq!(s.effects[1].within, Within::FunctionBody);
    assert!(matches!(&s.effects[1].action, Action::Select(q) if q.tables == names(&["a", "b"])));
    assert_eq!(s.actions().count(), 1);

    let s = statement(
        "create trigger r after update of a on t when new.a begin delete from x; insert into y values (1); end",
    );
    assert!(matches!(&s.effects[0].action,
        Action::Create { kind: ObjectKind::Trigger, on: Some(on), .. } if on.name == "t"));
    assert!(s.effects[1..].iter().all(|e| e.within == Within::TriggerBody));
    assert!(matches!(&s.effects[2].action, Action::Delete { filter: Filter::All, .. }));
    assert!(matches!(&s.effects[3].action, Action::Insert(_)));
}

#[test]
fn inserts_say_what_becomes_of_duplicates() {
    let how = |sql: &str| (insert(sql).on_conflict, insert(sql).conflict_columns.into_vec());
    let none = Vec::<String>::new;
    assert_eq!(how("insert into t values (1)"), (OnConflict::Fail, none()));
    assert_eq!(how("insert or ignore into t values (1)"), (OnConflict::Ignore, none()));
    assert_eq!(how("insert or replace into t values (1)"), (OnConflict::Replace, none()));
    assert_eq!(how("replace into t values (1)"), (OnConflict::Replace, none()));
    assert_eq!(how("insert or rollback into t values (1)"), (OnConflict::FailOtherwise, none()));
    assert_eq!(
        how("insert into t select 1 where true on conflict (a, b) do nothing"),
        (OnConflict::Ignore, vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(how("insert into t values (1) on conflict do update set a = 1"), (OnConflict::Update, none()));
    assert_eq!(
        how("insert into t values (1) on conflict (a) do update set a = 1 on conflict do nothing"),
        (OnConflict::Ignore, none())
    );
}

#[test]
fn an_insert_from_a_query_knows_what_it_copies() {
    let i = insert(
        "with q as (select * from old) insert into main.new as n (a, 'b') \
         select distinct x.a, cast(b as integer) from q x join other using (id) where lower(c) = 'y' limit 5",
    );
    assert_eq!(i.table, ObjectName::qualified("main", "new"));
    assert_eq!(i.columns, Some(["a".to_owned(), "b".to_owned()].into()));
    let InsertSource::Query(q) = i.source else { panic!("a query") };
    assert_eq!(q.tables, names(&["old", "other"]));
    assert!(q.reduces && q.joins && !q.compound);
    assert_eq!(q.calls, ["lower"]);
    assert_eq!(q.items[0].column.as_deref(), Some("a"));
    assert_eq!(q.items[1].casts[0].to.name, "integer");
    assert_eq!(q.items[1].casts[0].columns, ["b"]);
    assert_eq!(insert("insert into t default values").source, InsertSource::DefaultValues);
    let InsertSource::Query(q) = insert("insert into t values (1) union select a from b").source else {
        panic!()
    };
    assert!(q.compound);
}

#[test]
fn updates_keep_their_words_and_places() {
    let sql = "update or ignore main.t as q set a = 1, (b, c) = (select x from y) from z where q.id = z.id";
    let u = update(sql);
    assert_eq!(u.on_conflict, OnConflict::Ignore);
    assert_eq!(u.on_conflict_span.map(|s| s.of(sql)), Some(" or ignore"));
    let columns: Vec<&str> = u.assignments.iter().map(|a| a.0.as_str()).collect();
    assert_eq!(columns, ["a", "b", "c"]);
    assert!(u.assignments[2].1.subquery);
    assert_eq!(*u.from, names(&["z"]));
    assert!(!u.filter.is_all());
    assert_eq!(update("update t set a = 1").on_conflict_span, None);
}

#[test]
fn conditions_that_always_hold_are_seen() {
    let all = |condition: &str| update(&format!("update t set a = 1 where {condition}")).filter.is_all();
    for yes in ["1", "true", "(TRUE)", "1 = 1", "((1) )", "'a' = 'a'", "2 is 2", "0.5", "1_000", "1 == 1"] {
        let is = all(yes);
        assert!(is, "{yes}");
    }
    for no in
        ["0", "false", "1 = 2", "a", "a = a", "'a' = 'b'", "null", "1 = 1 and a", "not 1", "null = null"]
    {
        assert!(!all(no), "{no}");
    }
    let sql = "delete from t where 1 = 1";
    assert!(
        matches!(action(sql), Action::Delete { filter: Filter::AlwaysTrue(s), .. } if s.of(sql) == "1 = 1")
    );
}

#[test]
fn expressions_give_their_facts() {
    assert_eq!(item("a.b").column.as_deref(), Some("b"));
    assert_eq!(item("(main.a.b)").column.as_deref(), Some("b"));
    assert_eq!(item("a + b.c").column, None);
    assert_eq!(*item("a + b.c").columns, ["a", "c"]);
    assert_eq!(item("a b").alias.as_deref(), Some("b"));
    assert_eq!(item("a as 'b c'").alias.as_deref(), Some("b c"));
    assert_eq!(item("a key").alias.as_deref(), Some("key"));
    assert_eq!(item("- 5").literal, Some(Literal::Number("-5".to_owned())));
    assert_eq!(item("'it''s'").literal, Some(Literal::String("it's".to_owned())));
    assert_eq!(item("x'00'").literal, Some(Literal::Other));
    assert_eq!(item("false").literal, Some(Literal::Bool(false)));
    assert!(item("false").columns.is_empty());
    let nested = item("cast(substr(cast(a as text), 1) as integer)");
    let to: Vec<&str> = nested.casts.iter().map(|c| c.to.name.as_str()).collect();
    assert_eq!(to, ["integer", "text"]);
    assert_eq!(*nested.calls, ["substr"]);
    let sub = item("a in (select b from c where d = \"e\")");
    assert!(sub.subquery);
    assert_eq!(*sub.columns, ["a", "b", "d", "e"]);
    assert!(select("select *, t.* from t").items.iter().all(|i| i.star));
}

#[test]
fn names_in_double_quotes_are_known_with_their_places() {
    let sql = "select \"a\"\"b\", t.\"c\", [d], \"f\"(1), 'g' from \"h\"";
    let quoted: Vec<(String, Span)> = select(sql).items.into_iter().flat_map(|i| i.double_quoted).collect();
    assert_eq!(quoted.len(), 1);
    assert_eq!((quoted[0].0.as_str(), quoted[0].1.of(sql)), ("a\"b", "\"a\"\"b\""));
}

#[test]
fn joins_that_drop_rows_are_told_from_those_that_do_not() {
    for (sql, drops) in [
        ("select 1 from a left join b on 1", false),
        ("select 1 from a full outer join b on 1", false),
        ("select 1 from a", false),
        ("select 1 from a join b on 1", true),
        ("select 1 from a, b", true),
        ("select 1 from a right join b on 1", true),
        ("select 1 from a natural join b", true),
    ] {
        assert_eq!(select(sql).joins, drops, "{sql}");
    }
}

#[test]
fn alter_table_says_which_clause() {
    let sql = "alter table t add column a int not null";
    let s = statement(sql);
    assert_eq!(s.effects[0].span.of(sql), "add column a int not null");
    assert!(matches!(change("alter table t add column"), (TableChange::Other, true)));
    assert_eq!(change("alter table t rename to u"), (TableChange::RenameTo("u".to_owned()), false));
    let renamed = TableChange::RenameColumn { from: "key".to_owned(), to: "b".to_owned() };
    assert_eq!(change("alter table t rename key to b"), (renamed, false));
    let dropped = |if_exists, cascade| TableChange::DropColumn { name: "a".to_owned(), if_exists, cascade };
    assert_eq!(change("alter table t drop a"), (dropped(false, false), false));
    assert_eq!(change("alter table t drop column if exists a"), (dropped(true, false), true));
    assert_eq!(change("alter table t drop column a cascade"), (dropped(false, true), true));
}

#[test]
fn foreign_forms_of_alter_are_damaged_and_understood() {
    let (c, damaged) = change("alter table t alter column a set data type varchar(20) using lower(b)");
    assert!(damaged);
    assert!(matches!(c, TableChange::AlterType { name, ty, using: Some(_) }
        if name == "a" && ty.to_string() == "varchar(20)"));
    let (c, damaged) = change("alter table t add constraint u unique (a)");
    assert!(damaged && matches!(c, TableChange::AddConstraint(c) if c.name.as_deref() == Some("u")));
    let (c, damaged) = change("alter table t add column if not exists a int");
    assert!(damaged && matches!(c, TableChange::AddColumn { if_not_exists: true, .. }));
    let (c, damaged) = change("alter table t modify a text");
    assert!(damaged && matches!(c, TableChange::AlterType { .. }));
    assert_eq!(change("alter table t frobnicate"), (TableChange::Other, true));
    let two = script("alter table t add a int, drop column b").statements.remove(0);
    assert_eq!(two.effects.len(), 2);
    let index = script("alter index i rename to j").statements.remove(0);
    assert!(matches!(index.effects[0].action, Action::Alter { kind: ObjectKind::Index, .. }));
}

#[test]
fn other_damaged_statements_have_no_effects() {
    for sql in
        ["drop table x cascade", "truncate t", "create table t (a int,)", "delete from t limit 1", "foo"]
    {
        let s = script(sql).statements.remove(0);
        assert!(s.damage.is_some() && s.effects.is_empty(), "{sql}");
    }
    assert_eq!(script("drop table x cascade").statements[0].verb, "drop table");
}

#[test]
fn pragmas_transactions_and_the_rest() {
    let pragma = |sql: &str| match action(sql) {
        Action::Pragma { name, value } => (name, value),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        pragma("PRAGMA main.Foreign_Keys = 'OFF'"),
        ("foreign_keys".to_owned(), Some("OFF".to_owned()))
    );
    assert_eq!(pragma("pragma user_version(-5)"), ("user_version".to_owned(), Some("-5".to_owned())));
    assert_eq!(pragma("pragma foreign_key_check"), ("foreign_key_check".to_owned(), None));
    for (sql, command) in [
        ("begin immediate transaction", TransactionCommand::Begin),
        ("end", TransactionCommand::Commit),
        ("rollback to savepoint a", TransactionCommand::RollbackTo),
        ("rollback transaction", TransactionCommand::Rollback),
        ("savepoint a", TransactionCommand::Savepoint),
        ("release a", TransactionCommand::Release),
    ] {
        assert_eq!(action(sql), Action::Transaction(command), "{sql}");
    }
    assert_eq!(action("attach 'a' as b"), Action::Attach { attach: true });
    assert_eq!(action("vacuum into 'x'"), Action::Other);
    assert_eq!(action("explain delete from t"), Action::Other);
    assert!(matches!(
        action("drop table if exists main.t"),
        Action::Drop { kind: ObjectKind::Table, if_exists: true, .. }
    ));
}

#[test]
fn verbs_are_the_leading_words() {
    let verbs: Vec<Cow<'_, str>> = script(
        "create unique index i on t (a); create temp table t (a); with q as (select 1) delete from t; \
         create virtual table v using x; rollback to a; values (1); alter table t foo; DROP TABLE a b; \"x\" y",
    )
    .statements
    .into_iter()
    .map(|s| s.verb)
    .collect();
    let expected = [
        "create index",
        "create table",
        "delete",
        "create virtual table",
        "rollback to",
        "values",
        "alter table",
        "drop table",
        "",
    ];
    assert_eq!(verbs, expected);
}

mod never_panics {
    use proptest::prelude::*;

    use super::script;

    const WORDS: &[&str] = &[
        "select", "from", "where", "insert", "into", "values", "update", "set", "create", "table", "trigger",
        "begin", "end", "case", "when", "then", "(", ")", ",", ";", "'", "\"", "[", "]", "/*", "*/", "--",
        "\n", ".", "a", "b", "1", "=", "*", "as", "alter", "add", "column", "drop", "with", "window", "over",
        "filter", "in", "not", "null", "order", "by", "on", "conflict", "do", "nothing", "or", "ignore",
        "primary", "key", "default", "\0", "é", "\u{feff}", "x'", "0x", "$", "limit", "union", "if",
        "exists", "cast", "raise", "rename", "to", "type",
    ];

    proptest! {
        #[test]
        fn and_spans_lie_in_order_within_the_text(words in prop::collection::vec(prop::sample::select(WORDS), 0..40)) {
            let sql = words.join(" ");
            let script = script(&sql);
            let mut end = 0;
            for statement in &script.statements {
                prop_assert!(statement.span.start >= end && statement.span.end <= script.text.len(), "{sql}");
                end = statement.span.end;
                prop_assert!(!statement.span.of(&script.text).is_empty(), "{sql}");
                for effect in &statement.effects {
                    prop_assert!(statement.span.contains(effect.span), "{sql}");
                }
                if let Some(damage) = &statement.damage {
                    prop_assert!(!damage.message.starts_with("cannot be understood"), "{sql}");
                    prop_assert!(statement.span.contains(damage.span), "{sql}");
                }
            }
        }

        #[test]
        fn nor_at_any_text(text in "\\PC{0,60}") {
            script(&text);
        }
    }
}
