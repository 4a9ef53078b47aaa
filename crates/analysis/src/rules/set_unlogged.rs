//! `set unlogged` and `set logged`.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule};
use crate::sql::table::TableChange;
use crate::sql::{Action, Dialect, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "set-unlogged",
    title: "A table becomes unlogged, or logged again",
    why: "an unlogged table is emptied by the next crash and is missing on every replica; \
          the change itself rewrites the table while nobody can read it",
    safe_form: "leave the table logged, and make a new unlogged table for rows that may be lost",
    dialects: &[Dialect::Postgres],
    loss: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(true),
    scan: Some(true),
    bad: Some(Example::sql("alter table sessions set unlogged;\n")),
    good: Some(Example::sql("create unlogged table session_cache (id bigint primary key, body text);\n")),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::AlterTable { table, change: TableChange::SetLogged(logged), .. } = &effect.action else {
        return;
    };
    if !effect.within.runs_now() {
        return;
    }
    if *logged {
        // Nothing is lost on the way back: only the size counts.
        report
            .at(effect.span, format!("rewrites {table} to make it logged"))
            .why("the whole table is rewritten and written to the log while nobody can read it")
            .help("make a new logged table, copy in batches, and swap the two")
            .soften_cost(cx.weight(table));
    } else {
        report
            .at(effect.span, format!("makes {table} unlogged, so that the next crash empties it"))
            .losing(cx.world.table_holds(table));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres};

    #[test]
    fn both_ways_are_errors_on_what_stands() {
        assert_eq!(
            postgres("alter table t set unlogged").lines("set-unlogged"),
            ["error makes t unlogged, so that the next crash empties it"]
        );
        assert_eq!(
            postgres("alter table t set logged").lines("set-unlogged"),
            ["error rewrites t to make it logged"]
        );
        assert_eq!(
            postgres("alter table if exists a.t set unlogged, add c int").lines("set-unlogged").len(),
            1
        );
        assert_eq!(postgres("do $$ begin alter table t set unlogged; end $$").lines("set-unlogged").len(), 1);
    }

    #[test]
    fn size_lowers_the_way_back_only() {
        let small = |sql: &str| Set::postgres().table_of("t", Some(5)).file(sql).judge().losses();
        assert_eq!(small("alter table t set logged"), ["note set-unlogged"]);
        assert_eq!(small("alter table t set unlogged"), ["error set-unlogged"]);
    }

    #[test]
    fn new_tables_and_other_settings_are_not_reported() {
        for sql in [
            "create unlogged table t (id int)",
            "create table t (id int); alter table t set unlogged",
            "create table t (id int); alter table t set logged",
            "alter table t set (fillfactor = 70)",
        ] {
            assert_silent("set-unlogged", &postgres(sql));
        }
    }
}
