//! Forms of `alter table` that SQLite does not have.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule, ident, object};
use crate::sql::table::TableChange;
use crate::sql::{Action, Damage, Dialect, Effect, ObjectName, Statement};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Damaged(check) };

const CARD: Card = Card {
    id: "sqlite-unsupported-alter",
    title: "A form of ALTER that sqlite does not have",
    why: "to sqlite it is a syntax error, so the migration fails; its alter table can rename, add or drop one \
          column, and little else",
    safe_form: "rebuild the table: create the new one, copy, drop the old one, rename",
    dialects: &[Dialect::Sqlite],
    fixable: true,
    supersedes: &["syntax-error"],
    bad: Some(Example::on(
        "create table notes (id integer primary key, stars text);\n",
        "alter table notes alter column stars type integer;\n",
    )),
    good: Some(Example::on(
        "create table notes (id integer primary key, stars text);\n",
        "alter table notes add column star_count integer;\n",
    )),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, statement: &Statement, damage: &Damage, report: &mut Report<'_>) {
    let named: Vec<String> = statement.effects.iter().map(describe).collect();
    if named.is_empty() {
        return;
    }
    let several = statement.effects.len() > 1;
    let lacks = if several {
        "several changes at once, which sqlite's alter table cannot make"
    } else {
        "a form that sqlite's alter table does not have"
    };
    let message = format!("{}: {lacks}", named.join(", "));
    let draft = report.at(damage.span, message);
    if let Some(TableChange::AddColumn { if_not_exists: true, .. }) = only_change(statement) {
        draft.help(
            "leave IF NOT EXISTS out: a migration runs once; where the column may stand already, look into \
             pragma table_info first",
        );
    }
    let fix: Option<Vec<String>> = statement.effects.iter().map(|effect| supported(cx, effect)).collect();
    if let Some(fix) = fix {
        draft.rewrite_as(fix);
    }
}

fn only_change(statement: &Statement) -> Option<&TableChange> {
    match &*statement.effects {
        [Effect { action: Action::AlterTable { change, .. }, .. }] => Some(change),
        _ => None,
    }
}

/// What the clause does, beginning with a verb.
fn describe(effect: &Effect) -> String {
    let (table, change) = match &effect.action {
        Action::AlterTable { table, change, .. } => (table, change),
        Action::Alter { name, .. } => return format!("alters {name}"),
        _ => return "alters something".to_owned(),
    };
    match change {
        TableChange::AddColumn { column, if_not_exists: true } => {
            format!("adds {table}.{} if it does not exist", column.name)
        }
        TableChange::AddColumn { column, .. } => format!("adds {table}.{}", column.name),
        TableChange::DropColumn { name, if_exists: true, .. } => format!("drops {table}.{name} if it exists"),
        TableChange::DropColumn { name, .. } => format!("drops {table}.{name}"),
        TableChange::AlterType { name, ty, .. } => format!("changes the type of {table}.{name} to {ty}"),
        TableChange::Default { name, .. } => format!("changes the default of {table}.{name}"),
        TableChange::SetNotNull(name) => format!("makes {table}.{name} not null"),
        TableChange::DropNotNull(name) => format!("makes {table}.{name} nullable"),
        TableChange::AddConstraint(_) => format!("adds a constraint to {table}"),
        TableChange::DropConstraint { name, .. } => format!("drops the constraint {name} of {table}"),
        TableChange::RenameConstraint { from, .. } => format!("renames the constraint {from} of {table}"),
        TableChange::RenameTo(to) => format!("renames {table} to {to}"),
        TableChange::RenameColumn { from, to } => format!("renames {table}.{from} to {to}"),
        _ => format!("alters {table}"),
    }
}

/// The clause as a statement of its own that SQLite has; `None` where there is none.
fn supported(cx: &Context<'_>, effect: &Effect) -> Option<String> {
    let Action::AlterTable { table, if_exists: false, change } = &effect.action else { return None };
    let alter = |clause: String| Some(format!("alter table {} {clause}", object(table)));
    match change {
        TableChange::AddColumn { column, .. } => alter(format!("add column {}", cx.text(column.span))),
        TableChange::DropColumn { name, cascade: false, if_exists: false } => {
            alter(format!("drop column {}", ident(name)))
        }
        TableChange::RenameColumn { from, to } => {
            alter(format!("rename column {} to {}", ident(from), ident(to)))
        }
        TableChange::RenameTo(to) => alter(format!("rename to {}", ident(to))),
        TableChange::AddConstraint(constraint) => unique_index(table, constraint),
        _ => None,
    }
}

/// A unique constraint can be kept by an index.
fn unique_index(table: &ObjectName, constraint: &crate::sql::table::Constraint) -> Option<String> {
    use crate::sql::table::ConstraintKind;
    let ConstraintKind::Unique { columns, .. } = &constraint.kind else { return None };
    let name = constraint.name.clone().unwrap_or_else(|| format!("{}_{}_key", table.name, columns.join("_")));
    let index = ObjectName { schema: table.schema.clone(), name };
    let columns: Vec<String> = columns.iter().map(|c| ident(c)).collect();
    Some(format!("create unique index {} on {} ({})", object(&index), ident(&table.name), columns.join(", ")))
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::sqlite;

    const ID: &str = "sqlite-unsupported-alter";

    #[test]
    fn forms_of_other_databases_are_named_in_place_of_a_syntax_error() {
        for (sql, message) in [
            (
                "alter table t alter column a type text",
                "changes the type of t.a to text: a form that sqlite's alter table does not have",
            ),
            (
                "alter table t modify a int",
                "changes the type of t.a to int: a form that sqlite's alter table does not have",
            ),
            (
                "alter table t add constraint u unique (a)",
                "adds a constraint to t: a form that sqlite's alter table does not have",
            ),
            (
                "alter table t add foreign key (a) references p",
                "adds a constraint to t: a form that sqlite's alter table does not have",
            ),
            (
                "alter table t add column if not exists a int",
                "adds t.a if it does not exist: a form that sqlite's alter table does not have",
            ),
            (
                "alter table t add a int, add b int",
                "adds t.a, adds t.b: several changes at once, which sqlite's alter table cannot make",
            ),
            (
                "alter table t alter a set default 1",
                "changes the default of t.a: a form that sqlite's alter table does not have",
            ),
            ("alter table t owner to x", "alters t: a form that sqlite's alter table does not have"),
            ("alter index i rename to j", "alters i: a form that sqlite's alter table does not have"),
        ] {
            let judged = sqlite(sql);
            assert_eq!(judged.lines(ID), [format!("error {message}")], "{sql}");
            assert!(judged.lines("syntax-error").is_empty(), "{sql}");
        }
    }

    #[test]
    fn no_allow_makes_it_run() {
        let sql =
            "-- cofferdam:allow sqlite-unsupported-alter we need it\nalter table t alter column a type text";
        assert!(sqlite(sql).findings.iter().any(|f| f.rule == ID && f.refuses()));
    }

    #[test]
    fn forms_that_sqlite_has_and_other_errors_are_not_its_business() {
        for sql in [
            "alter table t add column a int",
            "alter table t drop column a",
            "alter table t rename a to b",
            "alter table t rename to u",
            "drop table t cascade",
            "create table t (a int,)",
            "select 'alter table t alter column a type text'",
            "-- alter table t alter column a type text\nselect 1",
        ] {
            assert!(sqlite(sql).lines(ID).is_empty(), "{sql}");
        }
    }

    #[test]
    fn fixes_say_it_in_statements_that_sqlite_has() {
        let fix = |sql: &str| {
            let judged = sqlite(sql);
            judged.findings.iter().find(|f| f.rule == ID).and_then(|f| f.fix.clone()).map(|f| f.sql)
        };
        let one = |sql: &str| Some(vec![sql.to_owned()]);
        assert_eq!(
            fix("alter table t add column if not exists \"A\" int not null default 0"),
            one("alter table t add column \"A\" int not null default 0")
        );
        assert_eq!(
            fix("alter table t add (a int, b text), rename column c to d"),
            Some(vec![
                "alter table t add column a int".to_owned(),
                "alter table t add column b text".to_owned(),
                "alter table t rename column c to d".to_owned(),
            ])
        );
        assert_eq!(fix("alter table t add unique (a, b)"), one("create unique index t_a_b_key on t (a, b)"));
        assert_eq!(fix("alter table t alter column a type text"), None);
        assert_eq!(fix("alter table t drop column if exists a"), None);
    }
}
