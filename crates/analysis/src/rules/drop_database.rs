//! `drop database`.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, listed};
use crate::sql::{Action, Dialect, Effect, ObjectKind};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "drop-database",
    title: "A whole database is dropped",
    why: "everything in it is lost at once, and no transaction can take it back",
    safe_form: "leave databases to the operator; a migration changes the one it runs in",
    dialects: &[Dialect::Postgres],
    loss: true,
    bad: Some(Example::sql("drop database reports;\n")),
    good: Some(Example::sql("create table reports (id bigint generated always as identity primary key);\n")),
    ..Card::BLANK
};

fn check(_: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Drop { kind: ObjectKind::Database, names, .. } = &effect.action else { return };
    let names: Vec<_> = names.iter().collect();
    report.at(effect.span, format!("drops the database {}", listed(&names)));
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{assert_silent, postgres};

    #[test]
    fn any_drop_of_a_database_is_an_error() {
        for sql in [
            "drop database app",
            "drop database if exists app",
            "drop database app with (force)",
            "DROP DATABASE \"App\"",
        ] {
            assert_eq!(postgres(sql).losses(), ["error drop-database"], "{sql}");
        }
    }

    #[test]
    fn other_statements_about_databases_are_not() {
        for sql in [
            "alter database app set timezone to 'UTC'",
            "create database app",
            "comment on database app is 'drop database app'",
            "select 'drop database app'",
        ] {
            assert_silent("drop-database", &postgres(sql));
        }
    }
}
