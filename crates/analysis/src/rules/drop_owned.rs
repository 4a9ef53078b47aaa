//! `drop owned by`, and `reassign owned by` on the way to it.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule};
use crate::sql::{Action, Dialect, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "drop-owned",
    title: "All objects of a role are dropped or change hands",
    why: "what it hits is decided by ownership at the time it runs: every table the role owns, named nowhere",
    safe_form: "drop or alter the objects by name",
    dialects: &[Dialect::Postgres],
    loss: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(false),
    scan: Some(false),
    bad: Some(Example::sql("drop owned by intern;\n")),
    good: Some(Example::sql("alter table notes owner to app;\n")),
    ..Card::BLANK
};

fn check(_: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::DropOwned { roles, reassign } = &effect.action else { return };
    if !effect.within.runs_now() {
        return;
    }
    let roles = roles.join(", ");
    if *reassign {
        report.at(effect.span, format!("gives everything that {roles} owns to another role")).why(
            "what changes hands is decided when it runs, and the old owner's programs may lose access to it",
        );
    } else {
        report.at(effect.span, format!("drops every object that {roles} owns, with its rows"));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{assert_silent, postgres};

    #[test]
    fn both_forms_are_errors() {
        for (sql, message) in [
            ("drop owned by intern", "error drops every object that intern owns, with its rows"),
            ("drop owned by a, b cascade", "error drops every object that a, b owns, with its rows"),
            ("reassign owned by a to b", "error gives everything that a owns to another role"),
            ("do $$ begin drop owned by x; end $$", "error drops every object that x owns, with its rows"),
        ] {
            assert_eq!(postgres(sql).lines("drop-owned"), [message], "{sql}");
        }
    }

    #[test]
    fn statements_about_roles_and_owners_are_not() {
        for sql in [
            "drop role intern",
            "alter table notes owner to intern",
            "revoke all on notes from intern",
            "alter schema app owner to intern",
        ] {
            assert_silent("drop-owned", &postgres(sql));
        }
    }
}
