//! The judge as a whole, through the rules there are: what a set of files makes known,
//! and what directives and configuration do to findings.

use super::testing::{Set, assert_silent, postgres, sqlite};
use super::{Level, Transaction};
use crate::finding::Severity;

const DROP: &str = "drop table notes;";

/// The proof of the first finding, as rendered.
fn proof(set: &Set) -> String {
    let text = set.judge().text();
    text.lines().find_map(|l| l.strip_prefix("  proof: ")).unwrap_or("none").to_owned()
}

#[test]
fn an_allow_with_a_reason_keeps_the_finding_and_lets_it_pass() {
    let judged = postgres("-- cofferdam:allow drop-table moved to the archive in 0011\ndrop table notes;");
    assert_eq!(judged.losses(), ["error drop-table"]);
    assert_eq!(judged.findings[0].allowed.as_deref(), Some("moved to the archive in 0011"));
    assert!(!judged.findings[0].refuses());
    let behind = sqlite("DROP TABLE notes; -- cofferdam:allow drop-table moved\nDROP TABLE tags;");
    let allowed: Vec<Option<&str>> = behind.findings.iter().map(|f| f.allowed.as_deref()).collect();
    assert_eq!(allowed, [Some("moved"), None]);
}

#[test]
fn an_allow_holds_for_the_next_statement_and_its_own_rule_only() {
    let judged = postgres("-- cofferdam:allow drop-table moved\nselect 1;\ndrop table notes;");
    assert_eq!(judged.losses(), ["warning unused-allow", "error drop-table"]);
    assert!(judged.findings[1].refuses());
    let other_rule = postgres("-- cofferdam:allow truncate moved\ndrop table notes;");
    assert_eq!(other_rule.losses(), ["warning unused-allow", "error drop-table"]);
    let both = postgres(
        "-- cofferdam:allow drop-column a\n-- cofferdam:allow narrow-type b\nalter table t drop a, alter b type varchar(2);",
    );
    assert!(both.findings.iter().all(|f| f.allowed.is_some()), "{}", both.text());
    let last = postgres("select 1;\n\n-- cofferdam:allow drop-table moved\n");
    assert_eq!(last.losses(), ["warning unused-allow"]);
}

#[test]
fn an_allow_without_reason_allows_nothing() {
    let judged = postgres("-- cofferdam:allow drop-table\ndrop table notes;");
    assert_eq!(judged.losses(), ["warning allow-without-reason", "error drop-table"]);
    assert!(judged.findings[1].refuses());
    let global = Set::postgres().file(DROP).allow("drop-table", "  ").judge();
    assert!(global.findings[0].refuses(), "a blank reason is none");
}

#[test]
fn a_misspelt_rule_or_directive_is_named_with_the_nearest() {
    let rule = postgres("-- cofferdam:allow drop-tabel moved\ndrop table notes;").text();
    assert!(
        rule.contains("warning unknown-rule 0001.sql:1:4 allows the rule `drop-tabel`, which does not exist"),
        "{rule}"
    );
    assert!(rule.contains("help: did you mean `drop-table`?"), "{rule}");
    let directive = postgres("-- cofferdam:no-transacton\nselect 1;").text();
    assert!(
        directive.contains("error unknown-directive 0001.sql:1:4 asks for `no-transacton`"),
        "{directive}"
    );
    assert!(directive.contains("help: did you mean `cofferdam:no-transaction`?"), "{directive}");
}

#[test]
fn an_allow_for_the_whole_set_covers_each_file_and_is_never_unused() {
    let set = Set::postgres().file(DROP).file("drop table tags;").allow("drop-table", "agreed");
    assert!(set.judge().findings.iter().all(|f| f.allowed.as_deref() == Some("agreed")));
    assert!(Set::postgres().file("select 1").allow("drop-table", "agreed").judge().losses().is_empty());
}

#[test]
fn what_the_server_can_read_and_we_cannot_may_be_allowed_with_a_reason() {
    let sql = "create table (;";
    let plain = Set::postgres().file(sql).judge();
    assert!(plain.findings.iter().any(|f| f.rule == "syntax-error" && f.refuses()));
    let allowed = Set::postgres().file(&format!("-- cofferdam:allow syntax-error new in 19\n{sql}")).judge();
    assert!(allowed.findings.iter().all(|f| !f.refuses()), "{}", allowed.text());
}

#[test]
fn no_allow_covers_a_directive_that_nobody_knows() {
    let judged = Set::postgres()
        .file("-- cofferdam:allow unknown-directive fine\n-- cofferdam:no-transacton\nselect 1;")
        .allow("unknown-directive", "fine")
        .judge();
    assert!(judged.findings.iter().any(|f| f.rule == "unknown-directive" && f.refuses()));
}

#[test]
fn damage_costs_one_statement_and_stands_at_its_place() {
    let judged = postgres("create table a (id int);\nalter tabel a add b int;\ndrop table notes;\n");
    assert_eq!(judged.losses(), ["error syntax-error", "error drop-table"]);
    let place = judged.findings[0].place.as_ref().map(|p| p.line);
    assert_eq!(place, Some(2));
}

#[test]
fn a_configuration_raises_lowers_and_switches_off() {
    let level = |level| Set::postgres().file(DROP).level("drop-table", level).judge();
    assert_eq!(level(Level::At(Severity::Warning)).losses(), ["warning drop-table"]);
    assert!(level(Level::Off).losses().is_empty());
    let raised = Set::postgres()
        .file("-- cofferdam:allow drop-table\nselect 1;")
        .level("allow-without-reason", Level::At(Severity::Error));
    assert_eq!(raised.judge().losses(), ["error allow-without-reason"]);
    let proved = Set::postgres().file("create table notes (id int)").file(DROP);
    let raised = proved.level("drop-table", Level::At(Severity::Warning)).judge();
    assert_eq!(raised.losses(), ["note drop-table"], "what a proof lowered stays lowered");
    let off = Set::postgres().file("-- cofferdam:allow drop-table gone\ndrop table notes;");
    assert!(off.level("drop-table", Level::Off).judge().losses().is_empty(), "an allow of it is not unused");
}

#[test]
fn a_table_of_an_earlier_file_is_a_note_with_a_proof() {
    for set in [Set::postgres(), Set::sqlite()] {
        let set = set.file("create table notes (id int)").file(DROP);
        assert_eq!(set.judge().losses(), ["note drop-table"]);
        assert_eq!(proof(&set), "notes holds nobody's rows");
    }
    let resumed = Set::postgres().earlier_in_run("create table notes (id int)").file(DROP);
    assert_eq!(resumed.judge().losses(), ["note drop-table"], "a resumed run is the same run");
}

#[test]
fn a_table_that_may_have_stood_before_is_somebodys() {
    let adopted = Set::postgres().schema("create table notes (id int)").file(DROP);
    assert_eq!(adopted.judge().losses(), ["error drop-table"]);
    let perhaps = Set::postgres().file("create table if not exists notes (id int)").file(DROP);
    assert_eq!(perhaps.judge().losses(), ["error drop-table"]);
    let renamed = Set::postgres().file("alter table old rename to notes").file(DROP);
    assert_eq!(renamed.judge().losses(), ["error drop-table"]);
}

#[test]
fn if_not_exists_makes_a_table_where_a_catalog_has_none() {
    let fresh = Set::postgres().empty_database().file("create table if not exists notes (id int)").file(DROP);
    assert_eq!(fresh.judge().losses(), ["note drop-table"]);
    let stands = Set::postgres()
        .table_of("notes", Some(0))
        .file("create table if not exists notes (id int)")
        .file(DROP);
    assert_eq!(stands.judge().losses(), ["error drop-table"]);
    let after_drop = Set::sqlite()
        .empty_database()
        .file("CREATE TABLE IF NOT EXISTS a (x); DROP TABLE a; CREATE TABLE IF NOT EXISTS a (x, y);")
        .file("DROP TABLE a");
    assert_eq!(after_drop.judge().losses(), ["note drop-table"]);
}

#[test]
fn a_renamed_table_is_followed() {
    let set =
        Set::postgres().file("create table a (id int)").file("alter table a rename to notes").file(DROP);
    assert_eq!(proof(&set), "notes holds nobody's rows");
    let schema = Set::postgres()
        .file("create table notes (id int)")
        .file("alter table notes set schema app")
        .file("drop table app.notes");
    assert_eq!(schema.judge().losses(), ["note drop-table"]);
}

#[test]
fn rows_that_a_foreign_key_changed_for_the_run_prove_nothing() {
    let empty = "notes holds nobody's rows (only if empty)";
    for (actions, middle, expected) in [
        ("on update cascade", "update p set id = 2", empty),
        ("on update set null", "insert into p values (1) on conflict (id) do update set id = 2", empty),
        ("on delete set null", "delete from p", empty),
        ("on delete set default", "delete from p where id = 1", empty),
        // Through a table between: its rows go, and those that point to them are changed.
        ("on delete set null", "delete from grand", empty),
        ("on delete set null", "update p set id = 2", "notes holds nobody's rows"),
        ("on update restrict", "update p set id = 2", "notes holds nobody's rows"),
        ("", "update p set id = 2", "notes holds nobody's rows"),
        ("on update cascade", "update q set id = 2", "notes holds nobody's rows"),
    ] {
        let set = Set::postgres()
            .file("create table grand (id int primary key)")
            .file("create table p (id int primary key references grand on delete cascade)")
            .file(&format!("create table notes (id int, p int references p {actions})"))
            .file(middle)
            .file(DROP);
        assert_eq!(proof(&set), expected, "{actions}: {middle}");
    }
}

#[test]
fn rows_that_the_run_changed_later_prove_nothing_in_postgres() {
    let with =
        |set: Set, middle: &str| set.file("create table notes (id int, a int)").file(middle).file(DROP);
    for middle in [
        "update notes set a = 1",
        "insert into notes values (1) on conflict (id) do update set a = 2",
        "alter table notes alter column a type bigint",
        "alter table notes add column b uuid default gen_random_uuid()",
        "call tidy()",
        "merge into notes n using tags t on t.id = n.id when matched then update set a = t.a",
    ] {
        let set = with(Set::postgres(), middle);
        assert_eq!(proof(&set), "notes holds nobody's rows (only if empty)", "{middle}");
    }
    for middle in [
        "insert into notes values (1)",
        "alter table notes add column b int default 0",
        "create index on notes (a)",
    ] {
        assert_eq!(proof(&with(Set::postgres(), middle)), "notes holds nobody's rows", "{middle}");
    }
    let sqlite = with(Set::sqlite(), "update notes set a = 1");
    assert_eq!(proof(&sqlite), "notes holds nobody's rows", "SQLite proves by pragma data_version");
}

#[test]
fn rows_moved_into_a_new_table_are_still_somebodys() {
    let moved = Set::postgres()
        .file("create table archive (id int); insert into archive select id from notes")
        .file("-- cofferdam:allow drop-table they are in archive\ndrop table notes")
        .file("drop table archive");
    let lines = moved.judge().lines("drop-table");
    assert_eq!(lines[1], "error drops the table archive and every row in it");
    let deleted = Set::sqlite().file(
        "CREATE TABLE keep AS SELECT * FROM notes WHERE old; DELETE FROM notes WHERE old; DROP TABLE keep;",
    );
    assert_eq!(deleted.judge().losses(), ["error drop-table"]);
    let temporary = postgres(
        "create temp table keep as select * from notes; delete from notes where id > 3; drop table keep",
    );
    assert_eq!(temporary.losses(), ["error drop-table"]);
    let copied_only = postgres("create temp table work as select * from notes; drop table work");
    assert!(copied_only.losses().is_empty(), "{}", copied_only.text());
}

#[test]
fn a_column_that_took_over_another_ones_values_is_somebodys() {
    let set = Set::postgres()
        .file("alter table notes add column b text; update notes set b = a where a is not null")
        .file("-- cofferdam:allow drop-column moved to b\nalter table notes drop column a")
        .file("alter table notes drop column b");
    let lines = set.judge().lines("drop-column");
    assert_eq!(lines[1], "error drops the column b of notes and every value in it");
}

#[test]
fn a_rebuilt_table_holds_what_the_old_one_held() {
    let rebuild = "create table notes_new (id int); insert into notes_new (id) select id from notes;
                   drop table notes; alter table notes_new rename to notes;";
    let old = Set::sqlite().file(rebuild).file(DROP).judge();
    assert_eq!(old.lines("drop-table"), ["error drops the table notes and every row in it"]);
    let copied_since =
        Set::sqlite().file(rebuild).file("insert into log select id from notes; drop table notes").judge();
    assert_eq!(
        copied_since.losses(),
        ["error drop-table"],
        "a copy elsewhere does not make the table's home ours"
    );
    let history = Set::sqlite().file("create table notes (id int)").file(rebuild).file(DROP).judge();
    assert_eq!(history.lines("drop-table"), ["note drops the table notes and every row in it"]);
}

#[test]
fn a_history_with_drops_stops_nobody_on_an_empty_database() {
    let set = Set::postgres()
        .empty_database()
        .file("drop table if exists users; create table users (id int, name text)")
        .file("create table if not exists notes (id int); alter table users add column email text")
        .file("update users set email = name; alter table users drop column name")
        .file("alter table notes rename to memos; drop table memos; drop table if exists tags cascade")
        .file("truncate users; alter table users alter column email type varchar(20)");
    let errors: Vec<String> = set.judge().losses().into_iter().filter(|r| r.starts_with("error")).collect();
    assert!(errors.is_empty(), "{}", set.judge().text());
}

#[test]
fn statements_outside_of_a_transaction_are_commits_of_their_own() {
    let sql = "create table notes (id int); drop table notes;";
    assert!(postgres(sql).losses().is_empty());
    let apart = Set::postgres().transaction(Transaction::Never).file(sql).judge();
    assert_eq!(apart.losses(), ["note drop-table"]);
    assert_eq!(postgres(&format!("-- cofferdam:no-transaction\n{sql}")).losses(), ["note drop-table"]);
    let block =
        Set::postgres().transaction(Transaction::Never).file(&format!("begin; {sql} commit;")).judge();
    assert!(block.losses().is_empty(), "{}", block.text());
    let stands_alone = postgres(&format!("create index concurrently i on t (a); {sql}"));
    assert_eq!(stands_alone.losses(), ["note drop-table"]);
}

#[test]
fn a_rollback_takes_the_table_out_of_the_set_again() {
    let judged = Set::postgres()
        .transaction(Transaction::Never)
        .file("begin; create table notes (id int); rollback; drop table notes;")
        .judge();
    assert_eq!(judged.losses(), ["error drop-table"]);
    let dropped = Set::postgres()
        .transaction(Transaction::Never)
        .file("-- cofferdam:allow drop-table a try\nbegin; drop table notes; rollback; drop table notes;")
        .judge();
    assert_eq!(dropped.lines("drop-table").len(), 2);
}

#[test]
fn a_bare_name_means_the_first_schema_of_the_search_path() {
    let set = Set::postgres()
        .file("set search_path to app, public; create table notes (id int);")
        .file("drop table app.notes");
    assert_eq!(set.judge().losses(), ["note drop-table"]);
    let next_file = Set::postgres().file("set search_path to app; create table notes (id int);").file(DROP);
    assert_eq!(next_file.judge().losses(), ["error drop-table"], "each file begins with a fresh session");
}

#[test]
fn a_temporary_table_ends_with_its_file() {
    let set = Set::postgres().file("create temp table notes (id int)").file(DROP);
    assert_eq!(set.judge().losses(), ["error drop-table"]);
    assert_silent("drop-table", &postgres("create temp table notes (id int); drop table pg_temp.notes"));
}

#[test]
fn do_blocks_and_ctes_change_the_world_too() {
    let made = Set::postgres().file("do $$ begin create table notes (id int); end $$").file(DROP);
    assert_eq!(made.judge().losses(), ["note drop-table"]);
    let only_defined = "create function f() returns void language sql as 'create table notes (id int)'";
    assert_eq!(Set::postgres().file(only_defined).file(DROP).judge().losses(), ["error drop-table"]);
}

#[test]
fn tables_that_catalogs_leave_out_are_not_taken_for_absent() {
    let judged = Set::postgres().empty_database().file("drop table pg_catalog.pg_class").judge();
    assert_eq!(judged.losses(), ["error drop-table"]);
    for ours in [
        Set::postgres().empty_database().file("drop table cofferdam.migration").judge(),
        Set::sqlite().empty_database().file("DROP TABLE _cofferdam_migration").judge(),
    ] {
        assert_eq!(ours.losses(), ["error cannot-run", "error drop-table"]);
    }
}

#[test]
fn findings_come_in_the_order_of_files_and_places() {
    let judged = Set::postgres().file("truncate b; drop table a;").file("drop table c;").judge();
    let places: Vec<String> = judged
        .findings
        .iter()
        .filter_map(|f| f.place.as_ref().map(|p| format!("{}:{}", p.file, p.column)))
        .collect();
    assert_eq!(places, ["0001.sql:1", "0001.sql:13", "0002.sql:1"]);
}

#[test]
fn a_bare_name_may_mean_a_table_of_another_schema_by_the_roles_search_path() {
    let set = || Set::postgres().table_of("app.notes", Some(3));
    assert_eq!(set().file(DROP).judge().losses(), ["error drop-table"]);
    let either = set().table_of("old.notes", Some(3)).file(DROP).judge();
    assert_eq!(either.losses(), ["error drop-table"]);
    let perhaps = set().file("create table if not exists notes (id int)").file(DROP);
    assert_eq!(perhaps.judge().losses(), ["error drop-table"]);
    assert!(set().file("drop table public.notes").judge().losses().is_empty(), "that one does not stand");
}

#[test]
fn a_proof_names_the_table_as_the_statement_does() {
    let set = Set::postgres()
        .file("set search_path to app; create table notes (id int)")
        .file("drop table app.notes");
    assert_eq!(proof(&set), "app.notes holds nobody's rows");
    let referencing = Set::postgres()
        .file("set search_path to app; create table a (id int primary key); create table b (a int references a)")
        .file("truncate app.a cascade");
    assert_eq!(proof(&referencing), "app.a, app.b holds nobody's rows");
}

#[test]
fn a_body_that_is_not_read_refuses_where_it_runs_and_is_told_where_it_does_not() {
    let long = format!("begin {} drop table notes; end", "perform 1;".repeat((4 << 20) / 10 + 1));
    let deep =
        format!("begin {} drop table notes; {} end", "if true then ".repeat(2_000), "end if; ".repeat(2_000));
    let chain = format!("begin execute 'delete from notes where a = 0{}'; end", " or a = 1".repeat(20_000));
    // Six texts, each quoted in the one around it.
    let quoted = |depth: usize, body: String| {
        (0..depth).fold(body, |body, n| format!("begin execute $q{n}$ do $d{n}$ {body} $d{n}$ $q{n}$; end"))
    };
    let nested = quoted(6, "begin drop table notes; end".to_owned());
    for (body, why) in [
        (&long, "a body longer than 4 MB"),
        (&deep, "a body that nests too deeply"),
        (&chain, "a body that nests too deeply"),
        (&nested, "a text within texts, more than 4 levels deep"),
    ] {
        let judged = postgres(&format!("do $body$ {body} $body$;"));
        assert_eq!(judged.lines("syntax-error"), [format!("error cannot be read: {why}")]);
        assert!(judged.findings.iter().any(|finding| finding.refuses()), "{why}");
        let allowed =
            postgres(&format!("-- cofferdam:allow syntax-error read by two of us\ndo $body$ {body} $body$;"));
        assert!(!allowed.findings.iter().any(|finding| finding.refuses()), "{why}");
        let later =
            postgres(&format!("create function f() returns void language plpgsql as $body$ {body} $body$;"));
        assert_eq!(later.lines("syntax-error"), [format!("warning cannot be read: {why}")]);
        assert!(!later.findings.iter().any(|finding| finding.refuses()), "{why}");
    }
    let read = quoted(1, "begin drop table notes; end".to_owned());
    assert_eq!(postgres(&format!("do $body$ {read} $body$;")).lines("syntax-error"), [""; 0]);
}
