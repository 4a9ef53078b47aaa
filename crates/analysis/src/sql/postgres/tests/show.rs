//! Effects in a line each, for tables of tests.

use crate::sql::{
    Action, Effect, Filter, InsertSource, Query, Within,
    expr::Expr,
    table::{Column, Constraint, ConstraintKind, ObjectChange, Reference, TableChange},
};

/// The effects of all statements of `sql`, one a line; damage in brackets.
pub(super) fn show(sql: &str) -> String {
    let read = super::super::read(sql);
    let lines = read.statements.iter().flat_map(|statement| {
        let damage = statement.damage.iter().map(|d| format!("[{} at {:?}]", d.message, d.span.of(sql)));
        damage.chain(statement.effects.iter().map(effect)).collect::<Vec<_>>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn effect(effect: &Effect) -> String {
    let within = match effect.within {
        Within::Statement => "",
        Within::Cte => "cte: ",
        Within::DoBlock => "do: ",
        Within::DynamicSql => "dynamic: ",
        Within::FunctionBody => "body: ",
        Within::TriggerBody => "fired: ",
    };
    format!("{within}{}", action(&effect.action))
}

fn flags(flags: &[(bool, &str)]) -> String {
    flags.iter().filter(|(on, _)| *on).map(|(_, word)| format!(" {word}")).collect()
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn opt<T: ToString>(word: &str, value: Option<&T>) -> String {
    let space = if word.is_empty() { "" } else { " " };
    value.map(|v| format!("{space}{word} {}", v.to_string())).unwrap_or_default()
}

fn action(action: &Action) -> String {
    match action {
        Action::CreateTable(t) => {
            let columns: Vec<_> =
                t.columns.iter().map(column).chain(t.constraints.iter().map(constraint)).collect();
            let head = flags(&[
                (t.temporary, "temp"),
                (t.unlogged, "unlogged"),
                (t.if_not_exists, "if-not-exists"),
                (t.partitioned, "partitioned"),
            ]);
            let name = t.name.as_ref().map(ToString::to_string).unwrap_or_default();
            let like = if t.like.is_empty() { String::new() } else { format!(" like {}", list(&t.like)) };
            let inherits = if t.inherits.is_empty() {
                String::new()
            } else {
                format!(" inherits {}", list(&t.inherits))
            };
            format!(
                "create table {name}{head} ({}){like}{inherits}{}",
                columns.join("; "),
                opt("of", t.partition_of.as_ref())
            )
        }
        Action::CreateTableAs { name, temporary, if_not_exists, query: q } => {
            format!(
                "create table {name}{} as {}",
                flags(&[(*temporary, "temp"), (*if_not_exists, "if-not-exists")]),
                query(q)
            )
        }
        Action::AlterTable { table, if_exists, change } => {
            format!("alter table {table}{} {}", flags(&[(*if_exists, "if-exists")]), table_change(change))
        }
        Action::CreateIndex(i) => format!(
            "create index{} on {} {}({}){}{}",
            opt("", i.name.as_ref()),
            i.table,
            i.method,
            i.columns.iter().map(expr).collect::<Vec<_>>().join(", "),
            flags(&[
                (i.unique, "unique"),
                (i.concurrently, "concurrently"),
                (i.if_not_exists, "if-not-exists"),
                (i.only, "only")
            ]),
            filter(&i.predicate)
        ),
        Action::Reindex { concurrently, target, name } => {
            format!("reindex {target}{}{}", opt("", name.as_ref()), flags(&[(*concurrently, "concurrently")]))
        }
        Action::Drop { kind, names, on, if_exists, cascade, concurrently } => format!(
            "drop {kind:?} {}{}{}",
            list(names),
            opt("on", on.as_ref()),
            flags(&[(*if_exists, "if-exists"), (*cascade, "cascade"), (*concurrently, "concurrently")])
        ),
        Action::DropOwned { roles, reassign } => {
            format!("{} owned by {}", if *reassign { "reassign" } else { "drop" }, list(roles))
        }
        Action::Create { kind, name, on, or_replace, if_not_exists, temporary } => format!(
            "create {kind:?} {name}{}{}",
            opt("on", on.as_ref()),
            flags(&[(*or_replace, "or-replace"), (*if_not_exists, "if-not-exists"), (*temporary, "temp")])
        ),
        Action::Alter { kind, name, change } => format!("alter {kind:?} {name} {}", object_change(change)),
        Action::Truncate { tables, cascade } => {
            format!("truncate {}{}", list(tables), flags(&[(*cascade, "cascade")]))
        }
        Action::Insert(i) => {
            let columns = i.columns.as_ref().map(|c| format!("({})", list(c))).unwrap_or_default();
            let source = match &i.source {
                InsertSource::Values => "values".to_owned(),
                InsertSource::Query(q) => query(q),
                InsertSource::DefaultValues => "default".to_owned(),
            };
            format!(
                "insert {}{columns} {source} conflict {:?}[{}]",
                i.table,
                i.on_conflict,
                list(&i.conflict_columns)
            )
        }
        Action::Update(u) => {
            let set =
                u.assignments.iter().map(|(c, e)| format!("{c}={}", expr(e))).collect::<Vec<_>>().join(", ");
            let from = if u.from.is_empty() { String::new() } else { format!(" from {}", list(&u.from)) };
            format!("update {} set {set}{from}{}", u.table, filter(&u.filter))
        }
        Action::Delete { table, filter: f, using } => {
            let using = if using.is_empty() { String::new() } else { format!(" using {}", list(using)) };
            format!("delete {table}{using}{}", filter(f))
        }
        Action::Merge { table, deletes, updates, inserts } => format!(
            "merge {table}{}",
            flags(&[(*deletes, "deletes"), (*updates, "updates"), (*inserts, "inserts")])
        ),
        Action::Copy { table, from, stdio } => {
            format!("copy{}{}", opt("", table.as_ref()), flags(&[(*from, "from"), (*stdio, "stdio")]))
        }
        Action::Select(q) => format!("select {}", query(q)),
        Action::Call { name } => format!("call {name}"),
        Action::DynamicSql => "dynamic sql".to_owned(),
        Action::Unread { why } => format!("unread: {why}"),
        Action::Set { local, name, value } => {
            format!("set{} {name}{}", flags(&[(*local, "local")]), opt("=", value.as_ref()))
        }
        Action::Pragma { name, .. } => format!("pragma {name}"),
        Action::Transaction(command) => format!("transaction {command:?}"),
        Action::Lock { tables, mode, nowait } => {
            format!("lock {} {mode}{}", list(tables), flags(&[(*nowait, "nowait")]))
        }
        Action::Vacuum { full, tables } => format!("vacuum {}{}", list(tables), flags(&[(*full, "full")])),
        Action::Cluster { table } => format!("cluster{}", opt("", table.as_ref())),
        Action::Refresh { name, concurrently } => {
            format!("refresh {name}{}", flags(&[(*concurrently, "concurrently")]))
        }
        Action::Privileges { grant, to_public } => {
            format!("{}{}", if *grant { "grant" } else { "revoke" }, flags(&[(*to_public, "public")]))
        }
        Action::Attach { .. } => "attach".to_owned(),
        Action::Other => "other".to_owned(),
    }
}

/// The facts of an expression: `{columns}`, `f()`, `::type`, the constant.
pub(super) fn expr(e: &Expr) -> String {
    let mut parts = Vec::new();
    if e.star {
        parts.push("*".to_owned());
    }
    parts.extend(e.column.as_ref().map(|c| format!("col {c}")));
    if e.column.is_none() && !e.columns.is_empty() {
        parts.push(format!("{{{}}}", list(&e.columns)));
    }
    parts.extend(e.calls.iter().map(|c| format!("{c}()")));
    parts.extend(e.casts.iter().map(|c| {
        if c.columns.is_empty() { format!("::{}", c.to) } else { format!("::{}[{}]", c.to, list(&c.columns)) }
    }));
    parts.extend(e.literal.as_ref().map(|l| format!("{l:?}")));
    if e.subquery {
        parts.push("subquery".to_owned());
    }
    parts.extend(e.alias.as_ref().map(|a| format!("as {a}")));
    if parts.is_empty() { "?".to_owned() } else { parts.join(" ") }
}

pub(super) fn query(q: &Query) -> String {
    let items = q.items.iter().map(expr).collect::<Vec<_>>().join(", ");
    let calls = if q.calls.is_empty() { String::new() } else { format!(" calls {}", list(&q.calls)) };
    let from = if q.tables.is_empty() { String::new() } else { format!(" from {}", list(&q.tables)) };
    format!(
        "[{items}]{from}{}{calls}{}",
        filter(&q.filter),
        flags(&[(q.compound, "compound"), (q.reduces, "reduces"), (q.joins, "joins")])
    )
}

fn filter(f: &Filter) -> String {
    match f {
        Filter::All => String::new(),
        Filter::AlwaysTrue(_) => " where always".to_owned(),
        Filter::CurrentOf => " where current".to_owned(),
        Filter::Condition(e) => format!(" where {}", expr(e)),
    }
}

fn column(c: &Column) -> String {
    let mut out = format!("{}{}", c.name, c.ty.as_ref().map(|t| format!(" {t}")).unwrap_or_default());
    out += &flags(&[
        (c.not_null, "not-null"),
        (c.primary_key, "pk"),
        (c.unique, "unique"),
        (c.identity, "identity"),
    ]);
    out += &c.default.as_ref().map(|d| format!(" default {}", expr(d))).unwrap_or_default();
    out += &c.generated.map(|g| format!(" {g:?}")).unwrap_or_default();
    out += &c.checks.iter().map(|e| format!(" check {}", expr(e))).collect::<String>();
    out += &c.references.as_deref().map(reference).unwrap_or_default();
    out + &opt("collate", c.collation.as_ref())
}

fn reference(r: &Reference) -> String {
    format!(" references {}({}) delete {} update {}", r.table, list(&r.columns), r.on_delete, r.on_update)
}

fn constraint(c: &Constraint) -> String {
    let index = |index: &Option<String>| opt("using", index.as_ref());
    let kind = match &c.kind {
        ConstraintKind::PrimaryKey { columns, using_index } => {
            format!("pk({}){}", list(columns), index(using_index))
        }
        ConstraintKind::Unique { columns, using_index } => {
            format!("unique({}){}", list(columns), index(using_index))
        }
        ConstraintKind::Check(e) => format!("check {}", expr(e)),
        ConstraintKind::ForeignKey { columns, references } => {
            format!("fk({}){}", list(columns), reference(references))
        }
        ConstraintKind::Exclude => "exclude".to_owned(),
        ConstraintKind::NotNull(column) => format!("not-null {column}"),
    };
    let name = c.name.as_ref().map(|n| format!("{n}: ")).unwrap_or_default();
    format!("{name}{kind}{}", flags(&[(c.not_valid, "not-valid")]))
}

fn table_change(change: &TableChange) -> String {
    match change {
        TableChange::AddColumn { column: c, if_not_exists } => {
            format!("add{} {}", flags(&[(*if_not_exists, "if-not-exists")]), column(c))
        }
        TableChange::DropColumn { name, if_exists, cascade } => {
            format!("drop {name}{}", flags(&[(*if_exists, "if-exists"), (*cascade, "cascade")]))
        }
        TableChange::AlterType { name, ty, using } => {
            format!(
                "type {name} {ty}{}",
                using.as_ref().map(|u| format!(" using {}", expr(u))).unwrap_or_default()
            )
        }
        TableChange::Default { name, default } => {
            format!("default {name} {}", default.as_ref().map_or("none".to_owned(), |d| expr(d)))
        }
        TableChange::AddConstraint(c) => format!("add {}", constraint(c)),
        TableChange::DropConstraint { name, if_exists, cascade } => {
            format!("drop constraint {name}{}", flags(&[(*if_exists, "if-exists"), (*cascade, "cascade")]))
        }
        other => format!("{other:?}"),
    }
}

fn object_change(change: &ObjectChange) -> String {
    format!("{change:?}")
}
