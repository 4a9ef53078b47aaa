//! A column's type made smaller.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule};
use crate::sql::table::{TableChange, TypeName};
use crate::sql::{Action, Dialect, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "narrow-type",
    title: "A column's type becomes narrower",
    why: "every row is rewritten under a lock that stops readers, digits are rounded off or text is cut, \
          and where the server refuses instead it does so half-way through the deploy",
    safe_form: "add a column of the new type, fill it in batches where the value fits, and swap the two",
    dialects: &[Dialect::Postgres],
    loss: true,
    lock: Some("AccessExclusive"),
    rewrite: Some(true),
    scan: Some(true),
    bad: Some(Example::on(
        "create table notes (id bigint primary key, title varchar(200));\n",
        "alter table notes alter column title type varchar(50);\n",
    )),
    good: Some(Example::on(
        "create table notes (id bigint primary key, title varchar(200));\n",
        "alter table notes alter column title type varchar(400);\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::AlterTable { table, change: TableChange::AlterType { name, ty, .. }, .. } = &effect.action
    else {
        return;
    };
    if !effect.within.runs_now() {
        return;
    }
    let known = cx.world.table(table).and_then(|t| t.column(name, cx.dialect()));
    let old = known.and_then(|c| c.definition.ty.as_deref());
    let Some(what) = narrowing(old, ty, false) else { return };
    let from = old.map_or_else(|| "a type nobody told".to_owned(), ToString::to_string);
    let draft =
        report.at(effect.span, format!("changes {name} of {table} from {from} to {ty}, which {what}"));
    draft.losing(cx.world.column_holds(table, name));
    if old.is_none() {
        draft.help(format!(
            "if the old type is narrower nothing is lost: show it with --catalog or --schema; else {}",
            CARD.safe_form
        ));
    }
}

/// What a change from `old` to `new` loses; `None` where it keeps everything or fails
/// loudly. Without the old type every type with a limit is taken for a narrower one.
/// `explicit` casts cut text where a change of type refuses it.
pub(super) fn narrowing(old: Option<&TypeName>, new: &TypeName, explicit: bool) -> Option<&'static str> {
    let class = Class::of(new);
    let Some(old) = old else {
        return match class {
            Class::Text(Some(_)) => Some("cuts or refuses text that is longer"),
            Class::Bits(Some(_)) => Some("cuts bits"),
            Class::Numeric(Some(_)) => Some("rounds digits off"),
            Class::Time { precision, .. } if precision < 6 => Some("rounds seconds off"),
            Class::Integer(2) => Some("refuses numbers beyond its range"),
            Class::Integer(_) if explicit => Some("rounds numbers to whole ones"),
            _ => None,
        };
    };
    match (Class::of(old), class) {
        (Class::Text(from), Class::Text(Some(to))) if from.is_none_or(|from| from > to) => {
            Some("cuts or refuses text that is longer")
        }
        (Class::Bits(from), Class::Bits(Some(to))) if from.is_none_or(|from| from > to) => Some("cuts bits"),
        (Class::Integer(from), Class::Integer(to)) if from > to && !explicit => {
            Some("refuses numbers beyond its range")
        }
        (Class::Float(_) | Class::Numeric(None), Class::Integer(_)) => Some("rounds numbers to whole ones"),
        (Class::Numeric(Some((_, scale))), Class::Integer(_)) if scale > 0 => {
            Some("rounds numbers to whole ones")
        }
        (Class::Integer(_) | Class::Numeric(_) | Class::Float(_), Class::Boolean) => {
            Some("keeps only whether the number is zero")
        }
        (Class::Float(8) | Class::Numeric(_), Class::Float(4)) | (Class::Integer(4 | 8), Class::Float(4)) => {
            Some("keeps about six digits of a number")
        }
        (Class::Integer(8) | Class::Numeric(_), Class::Float(8)) => {
            Some("keeps about fifteen digits of a number")
        }
        (Class::Numeric(None) | Class::Float(_), Class::Numeric(Some(_))) => Some("rounds digits off"),
        (Class::Numeric(Some(from)), Class::Numeric(Some(to))) if to.1 < from.1 => Some("rounds digits off"),
        (Class::Numeric(Some(from)), Class::Numeric(Some(to)))
            if to.0 - to.1 < from.0 - from.1 && !explicit =>
        {
            Some("refuses numbers beyond its range")
        }
        (Class::Time { day: true, clock: true, .. }, Class::Time { day: true, clock: false, .. }) => {
            Some("throws the time of day away")
        }
        (Class::Time { day: true, .. }, Class::Time { day: false, .. }) => Some("throws the date away"),
        (
            Class::Time { clock: true, precision: from, .. },
            Class::Time { clock: true, precision: to, .. },
        ) if to < from => Some("rounds seconds off"),
        _ => None,
    }
}

/// What of a type decides whether another one is narrower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Characters, `None` without limit.
    Text(Option<u64>),
    /// Bits.
    Bits(Option<u64>),
    /// Bytes.
    Integer(u8),
    /// Bytes.
    Float(u8),
    /// Precision and scale.
    Numeric(Option<(i64, i64)>),
    /// A point in time or a time of day, with digits of a second.
    Time {
        day: bool,
        clock: bool,
        precision: u64,
    },
    Boolean,
    Other,
}

impl Class {
    fn of(ty: &TypeName) -> Class {
        let number = |n: usize| ty.args.get(n).and_then(|a| a.trim().parse::<i64>().ok());
        let limit = number(0).and_then(|n| u64::try_from(n).ok());
        let precision = limit.unwrap_or(6);
        match ty.name.as_str() {
            "text" | "citext" | "name" => Class::Text(None),
            "character varying" | "varchar" => Class::Text(limit),
            "character" | "char" | "bpchar" => Class::Text(Some(limit.unwrap_or(1))),
            "bit" => Class::Bits(Some(limit.unwrap_or(1))),
            "bit varying" | "varbit" => Class::Bits(limit),
            "smallint" | "int2" | "smallserial" => Class::Integer(2),
            "integer" | "int" | "int4" | "serial" => Class::Integer(4),
            "bigint" | "int8" | "bigserial" => Class::Integer(8),
            "real" | "float4" => Class::Float(4),
            "double precision" | "float8" => Class::Float(8),
            "numeric" | "decimal" => Class::Numeric(number(0).map(|p| (p, number(1).unwrap_or(0)))),
            "date" => Class::Time { day: true, clock: false, precision: 0 },
            "boolean" | "bool" => Class::Boolean,
            name if name.starts_with("timestamp") => Class::Time { day: true, clock: true, precision },
            name if name.starts_with("time") => Class::Time { day: false, clock: true, precision },
            _ => Class::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{Set, assert_silent, postgres};

    fn change(old: &str, new: &str) -> crate::judge::testing::Judged {
        Set::postgres()
            .schema(&format!("create table t (c {old})"))
            .file(&format!("alter table t alter column c type {new}"))
            .judge()
    }

    #[test]
    fn narrower_types_are_errors_that_say_what_is_lost() {
        for (old, new, what) in [
            ("varchar(50)", "varchar(20)", "cuts or refuses text that is longer"),
            ("text", "varchar(20)", "cuts or refuses text that is longer"),
            ("numeric(10, 4)", "numeric(10, 2)", "rounds digits off"),
            ("numeric", "numeric(10, 2)", "rounds digits off"),
            ("numeric(10, 2)", "numeric(8, 2)", "refuses numbers beyond its range"),
            ("timestamp", "timestamp(3)", "rounds seconds off"),
            ("timestamptz", "date", "throws the time of day away"),
            ("bigint", "integer", "refuses numbers beyond its range"),
            ("double precision", "integer", "rounds numbers to whole ones"),
            ("double precision", "real", "keeps about six digits of a number"),
            ("bigint", "double precision", "keeps about fifteen digits of a number"),
            ("integer", "boolean using c::boolean", "keeps only whether the number is zero"),
        ] {
            let lines = change(old, new).lines("narrow-type");
            assert!(
                lines.len() == 1 && lines[0].ends_with(what) && lines[0].starts_with("error"),
                "{old} {new} {lines:?}"
            );
        }
    }

    #[test]
    fn wider_or_other_types_are_not() {
        for (old, new) in [
            ("varchar(20)", "varchar(50)"),
            ("varchar(20)", "text"),
            ("varchar(20)", "varchar"),
            ("numeric(8, 2)", "numeric(10, 2)"),
            ("numeric(8, 2)", "numeric"),
            ("integer", "bigint"),
            ("integer", "integer"),
            ("numeric(8, 2)", "numeric(8, 2)"),
            ("timestamp(3)", "timestamptz(3)"),
            ("integer", "double precision"),
            ("timestamp(3)", "timestamp"),
            ("date", "timestamptz"),
            ("text", "jsonb using c::jsonb"),
            ("char(3)", "varchar(3)"),
        ] {
            assert_silent("narrow-type", &change(old, new));
        }
        assert_silent(
            "narrow-type",
            &postgres("create table t (c text); alter table t alter c type varchar(2)"),
        );
    }

    #[test]
    fn of_an_unknown_type_a_limit_is_taken_for_narrower() {
        for sql in ["varchar(20)", "numeric(10, 2)", "timestamp(0)", "smallint"] {
            assert_eq!(
                postgres(&format!("alter table t alter c type {sql}")).lines("narrow-type").len(),
                1,
                "{sql}"
            );
        }
        for sql in ["text", "varchar", "bigint", "timestamptz", "jsonb"] {
            assert_silent("narrow-type", &postgres(&format!("alter table t alter c type {sql}")));
        }
    }

    #[test]
    fn a_later_change_is_judged_by_the_type_that_the_earlier_one_left() {
        let set = Set::postgres()
            .schema("create table t (c varchar(90))")
            .file("alter table t alter c type varchar(100); alter table t alter c type varchar(95)");
        assert_eq!(set.judge().lines("narrow-type").len(), 1);
    }
}
