//! `pragma writable_schema`: the schema edited by hand.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, pragma_is_on};
use crate::sql::{Action, Dialect, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "sqlite-writable-schema",
    title: "The schema table is opened for writing",
    why: "sqlite checks nothing that is written there: one wrong character, and the database cannot be opened any more",
    safe_form: "use alter table, or rebuild the table",
    dialects: &[Dialect::Sqlite],
    bad: Some(Example::sql("pragma writable_schema = on;\n")),
    good: Some(Example::sql("create table tags (id integer primary key, name text);\n")),
    ..Card::BLANK
};

fn check(_: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    match &effect.action {
        Action::Pragma { name, value: Some(value) } if name == "writable_schema" && pragma_is_on(value) => {
            report.at(effect.span, "opens the schema table for writing, where sqlite checks nothing");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::sqlite;

    const ID: &str = "sqlite-writable-schema";

    #[test]
    fn every_way_to_turn_it_on_is_found() {
        for sql in [
            "pragma writable_schema = 1",
            "PRAGMA main.writable_schema(ON)",
            "begin; pragma writable_schema = 'yes'; commit",
        ] {
            assert_eq!(
                sqlite(sql).lines(ID),
                ["error opens the schema table for writing, where sqlite checks nothing"],
                "{sql}"
            );
        }
    }

    #[test]
    fn reading_it_and_turning_it_off_are_silent() {
        for sql in [
            "pragma writable_schema",
            "pragma writable_schema = off",
            "pragma writable_schema = reset",
            "select 'pragma writable_schema = on' -- pragma writable_schema = on",
        ] {
            assert!(sqlite(sql).lines(ID).is_empty(), "{sql}");
        }
    }
}
