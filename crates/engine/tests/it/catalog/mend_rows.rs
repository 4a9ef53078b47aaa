//! Mending a database that holds rows: they survive, and the application goes on inserting.

use cofferdam_analysis::catalog::{Ignore, Mending, mend};
use cofferdam_testkit::postgres::{Database, majors};
use tokio_postgres::Client;

use super::mend::carry_out;
use super::{catalog, run};

/// A schema that is expected, one that is there, and what is to become of it.
struct Case<'a> {
    expected: &'a str,
    live: &'a str,
    /// Run afterwards, as an application would.
    then: &'a str,
    /// One value, as text.
    look: &'a str,
    finds: &'a str,
    /// Words of the notes to a person; empty when everything is mended.
    by_hand: &'a str,
}

async fn check(case: &Case<'_>) {
    for major in majors() {
        let (should, is) = (Database::new(major), Database::new(major));
        let (expecting, client) = (should.client().await, is.client().await);
        run(&expecting, case.expected).await;
        run(&client, case.live).await;
        let expected = catalog(&expecting).await;
        let ignore = Ignore::default();
        let mending = mend(&expected, &catalog(&client).await, &ignore);
        let failures = carry_out(&client, &mending).await;
        let about = format!("Postgres {major}\n{}\n{}", case.live, mending.script());
        assert_eq!(failures, "", "{about}");
        run(&client, case.then).await;
        assert_eq!(text(&client, case.look).await, case.finds, "{about}");
        assert!(notes(&mending).contains(case.by_hand), "{about}\nnotes: {}", notes(&mending));
        if case.by_hand.is_empty() {
            assert_eq!(notes(&mending), "", "{about}");
            let left = mend(&expected, &catalog(&client).await, &ignore).found;
            assert!(left.is_empty(), "{about}\nleft: {left:#?}");
        }
    }
}

fn notes(mending: &Mending) -> String {
    mending.found.iter().filter(|m| m.by_hand).filter_map(|m| m.note.clone()).collect::<Vec<_>>().join("\n")
}

async fn text(client: &Client, look: &str) -> String {
    client.query_one(look, &[]).await.expect("an answer").get::<_, Option<String>>(0).unwrap_or_default()
}

#[tokio::test]
async fn an_attribute_whose_values_no_column_shows_is_left_to_a_person() {
    let look = "select t::text from public.t where t::text like '%Rome%'";
    for (before, table, fill) in [
        (
            "create type public.person as (name text, home public.addr);",
            "create table public.t (p public.person);",
            "insert into public.t values (row('x', row('via', 'Rome')))",
        ),
        (
            "create domain public.place as public.addr;",
            "create table public.t (p public.place);",
            "insert into public.t values (row('via', 'Rome')::public.addr)",
        ),
        (
            "create type public.way as range (subtype = public.addr);",
            "create table public.t (p public.way);",
            "insert into public.t values (public.way(row('via', 'Rome'), null))",
        ),
        (
            "create table public.inner (a public.addr);",
            "create table public.t (p public.inner[]);",
            "insert into public.t values (array[row(row('via', 'Rome')::public.addr)::public.inner])",
        ),
    ] {
        check(&Case {
            expected: &format!("create type public.addr as (street text); {before} {table}"),
            live: &format!("create type public.addr as (street text, city text); {before} {table} {fill}"),
            then: "",
            look: &look.replace("t::text from", "count(*)::text from"),
            finds: "1",
            by_hand: "values of public.addr may stand in",
        })
        .await;
    }
}

#[tokio::test]
async fn an_attribute_in_a_materialized_view_is_left_to_a_person() {
    check(&Case {
        expected: r#"create type public.addr as (street text);
            create materialized view public.m as select jsonb_populate_record(null::public.addr,
                '{"street": "via", "city": "Rome"}') as a"#,
        live: r#"create type public.addr as (street text, city text);
            create materialized view public.m as select jsonb_populate_record(null::public.addr,
                '{"street": "via", "city": "Rome"}') as a"#,
        then: "",
        look: "select (a).city from public.m",
        finds: "Rome",
        by_hand: "values of public.addr may stand in",
    })
    .await;
}

#[tokio::test]
async fn an_attribute_that_no_value_has_set_goes_and_rows_stay() {
    check(&Case {
        expected: "create type public.addr as (street text); create table public.t (a public.addr, b public.addr[])",
        live: "create type public.addr as (street text, city text);
            create table public.t (a public.addr, b public.addr[]);
            insert into public.t values (row('via', null), array[row('via', null)::public.addr])",
        then: "insert into public.t values (row('strada'), null)",
        look: "select string_agg((a).street, ',') from public.t",
        finds: "via,strada",
        by_hand: "",
    })
    .await;
}

const IDENTITY: &str = "create table public.s (id int generated always as identity primary key, v text);";
const SERIAL: &str = "create table public.s (id serial primary key, v text);";

#[tokio::test]
async fn a_serial_that_becomes_an_identity_counts_on() {
    check(&Case {
        expected: IDENTITY,
        live: &format!(
            "{SERIAL} insert into public.s (v) values ('a'), ('b'), ('c'); delete from public.s where id = 3"
        ),
        then: "insert into public.s (v) values ('d')",
        look: "select string_agg(id || v, ',' order by id) from public.s",
        finds: "1a,2b,4d",
        by_hand: "",
    })
    .await;
}

#[tokio::test]
async fn an_identity_that_becomes_a_serial_counts_on() {
    for name in ["s_id_seq", "other"] {
        check(&Case {
            expected: SERIAL,
            live: &format!(
                "create table public.s (id int generated by default as identity (sequence name public.{name}) primary key, v text);
                 insert into public.s (v) values ('a'), ('b'); insert into public.s values (7, 'g')"
            ),
            then: "insert into public.s (v) values ('d')",
            look: "select string_agg(id || v, ',' order by id) from public.s",
            finds: "1a,2b,7g,8d",
            by_hand: "",
        })
        .await;
    }
}

#[tokio::test]
async fn a_serial_that_becomes_a_wider_identity_counts_on() {
    check(&Case {
        expected: "create table public.s (id bigint generated always as identity primary key, v text)",
        live: &format!("{SERIAL} insert into public.s (v) values ('a'), ('b')"),
        then: "insert into public.s (v) values ('d')",
        look: "select string_agg(id || v, ',' order by id) from public.s",
        finds: "1a,2b,3d",
        by_hand: "",
    })
    .await;
}

#[tokio::test]
async fn a_plain_column_that_begins_to_count_begins_after_its_rows() {
    for expected in [IDENTITY, SERIAL] {
        check(&Case {
            expected,
            live: "create table public.s (id int primary key, v text); insert into public.s values (1, 'a'), (5, 'e')",
            then: "insert into public.s (v) values ('f')",
            look: "select string_agg(id || v, ',' order by id) from public.s",
            finds: "1a,5e,6f",
            by_hand: "",
        })
        .await;
    }
}

#[tokio::test]
async fn a_counter_of_what_are_no_whole_numbers_is_left_to_a_person() {
    check(&Case {
        expected: "create table public.s (id numeric primary key default 0, v text);
            create sequence public.q owned by public.s.id;
            alter table public.s alter id set default nextval('public.q')",
        live: "create table public.s (id numeric primary key, v text); insert into public.s values (1.5, 'a')",
        then: "",
        look: "select id::text from public.s",
        finds: "1.5",
        by_hand: "not whole numbers",
    })
    .await;
}

#[tokio::test]
async fn a_generated_column_gets_another_type() {
    check(&Case {
        expected: "create table public.t (a int, b bigint generated always as (a * 2) stored)",
        live: "create table public.t (a int, b int generated always as (a * 2) stored); insert into public.t values (4)",
        then: "insert into public.t values (5)",
        look: "select string_agg(b::text, ',' order by b) from public.t",
        finds: "8,10",
        by_hand: "",
    })
    .await;
}

#[tokio::test]
async fn an_extra_materialized_view_that_holds_nothing_goes_filled_or_not() {
    for data in ["where false with data", "with no data"] {
        check(&Case {
            expected: "create table public.t (a int)",
            live: &format!(
                "create table public.t (a int); insert into public.t values (1);
                 create materialized view public.m as select a from public.t {data}"
            ),
            then: "insert into public.t values (2)",
            look: "select string_agg(a::text, ',' order by a) from public.t",
            finds: "1,2",
            by_hand: "",
        })
        .await;
    }
}

/// Two levels of partitions.
const PARTED: &str = "create table public.p (a int, b int) partition by range (a);
    create table public.p1 partition of public.p for values from (0) to (10) partition by range (a);
    create table public.p11 partition of public.p1 for values from (0) to (10);
    create table public.p2 partition of public.p for values from (10) to (20);";

#[tokio::test]
async fn an_index_of_a_partitioned_table_is_replaced_as_a_whole() {
    check(&Case {
        expected: &format!("{PARTED} create index p_i on public.p (b desc); comment on index public.p_i is 'x'"),
        live: &format!("{PARTED} create index p_i on public.p (b); insert into public.p values (1, 1), (11, 2)"),
        then: "insert into public.p values (2, 3)",
        look: "select sum(b)::text || ' ' || (select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid
            where c.relnamespace = 'public'::regnamespace and i.indisvalid) from public.p",
        finds: "6 4",
        by_hand: "",
    })
    .await;
}

#[tokio::test]
async fn a_unique_index_that_rows_forbid_leaves_the_old_one() {
    for major in majors() {
        let (should, is) = (Database::new(major), Database::new(major));
        let (expecting, client) = (should.client().await, is.client().await);
        run(&expecting, &format!("{PARTED} create unique index p_i on public.p (a)")).await;
        run(
            &client,
            &format!("{PARTED} create index p_i on public.p (a); insert into public.p values (1, 1), (1, 2)"),
        )
        .await;
        let mending = mend(&catalog(&expecting).await, &catalog(&client).await, &Ignore::default());
        let failures = carry_out(&client, &mending).await;
        assert!(failures.contains("nothing was replaced"), "Postgres {major}\n{failures}");
        let look = "select indisvalid::text from pg_index where indexrelid = 'public.p_i'::regclass";
        assert_eq!(text(&client, look).await, "true", "Postgres {major}");
    }
}
