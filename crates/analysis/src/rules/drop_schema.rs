//! `drop schema .. cascade`: everything in it is gone.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, listed};
use crate::sql::{Action, Dialect, Effect, ObjectKind};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "drop-schema",
    title: "A schema is dropped with all its tables",
    why: "cascade drops every table in it with its rows, also those made by others since, and names none of them",
    safe_form: "drop what is in it by name, then the schema without cascade, which refuses as long as anything is left",
    dialects: &[Dialect::Postgres],
    loss: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(false),
    scan: Some(false),
    bad: Some(Example::sql("drop schema reports cascade;\n")),
    good: Some(Example::sql("drop schema reports;\n")),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Drop { kind: ObjectKind::Schema, names, cascade: true, .. } = &effect.action else { return };
    if !effect.within.runs_now() {
        return;
    }
    // Others may have made tables in a schema that this run committed: only one that nobody
    // else can see yet is free to go.
    let lost: Vec<_> = names.iter().filter(|name| !cx.world.schema_is_ours_alone(&name.name)).collect();
    if !lost.is_empty() {
        report.at(effect.span, format!("drops the schema {} with every table in it", listed(&lost)));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres};

    #[test]
    fn cascade_is_an_error() {
        for sql in [
            "drop schema app cascade",
            "drop schema if exists a, b cascade",
            "do $$ begin drop schema app cascade; end $$",
            "create schema if not exists app; drop schema app cascade",
        ] {
            assert_eq!(postgres(sql).losses(), ["error drop-schema"], "{sql}");
        }
        let later = Set::postgres().file("create schema app").file("drop schema app cascade").judge();
        assert_eq!(later.losses(), ["error drop-schema"]);
    }

    #[test]
    fn without_cascade_the_server_refuses_itself() {
        for sql in [
            "drop schema app",
            "drop schema if exists app restrict",
            "create schema app; drop schema app cascade",
            "alter schema app rename to app_old",
        ] {
            assert_silent("drop-schema", &postgres(sql));
        }
    }
}
