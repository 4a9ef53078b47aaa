//! `merge .. when .. then delete`.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule};
use crate::sql::{Action, Dialect, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "merge-delete",
    title: "A MERGE deletes rows",
    why: "which rows go is decided by whatever the source holds at that moment; an empty or late source deletes too many",
    safe_form: "count the rows first and DELETE them by a WHERE of their own",
    dialects: &[Dialect::Postgres],
    loss: true,
    lock: Some("RowExclusive"),
    rewrite: Some(false),
    scan: Some(true),
    bad: Some(Example::sql(
        "merge into stock s using deliveries d on d.item = s.item\n  when matched and d.gone then delete;\n",
    )),
    good: Some(Example::sql(
        "merge into stock s using deliveries d on d.item = s.item\n  when matched then update set amount = s.amount + d.amount;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Merge { table, deletes: true, .. } = &effect.action else { return };
    if effect.within.runs_now() {
        let message = format!("deletes rows of {table} that match, as many as the source happens to hold");
        report.at(effect.span, message).losing(cx.world.table_holds(table));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{assert_silent, postgres};

    const MERGE: &str = "merge into a using b on a.id = b.id";

    #[test]
    fn a_merge_that_deletes_is_an_error() {
        for sql in [
            format!("{MERGE} when matched then delete"),
            format!(
                "{MERGE} when matched and b.gone then delete when not matched then insert (id) values (b.id)"
            ),
            format!("{MERGE} when matched and a.x then update set x = b.x when matched then delete"),
            format!("do $$ begin {MERGE} when matched then delete; end $$"),
        ] {
            assert_eq!(postgres(&sql).losses(), ["error merge-delete"], "{sql}");
        }
    }

    #[test]
    fn a_merge_that_keeps_rows_is_not() {
        for sql in [
            format!("{MERGE} when matched then update set x = b.x"),
            format!("{MERGE} when not matched then insert (id) values (b.id)"),
            format!("{MERGE} when matched then do nothing"),
            format!("create table a (id int); {MERGE} when matched then delete"),
        ] {
            assert_silent("merge-delete", &postgres(&sql));
        }
    }
}
