//! Rows for tables nobody wrote rows for: forty each, the same on every run.

use tokio_postgres::Client;

/// Enough to be told from few, and few enough to be compared as text.
pub(crate) const ROWS: usize = 40;

/// Fills every table of the database that is empty and not a partition's parent.
pub(crate) async fn postgres(client: &Client, title: &str) {
    let mut empty = Vec::new();
    let tables = "select c.oid::regclass::text, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                  where c.relkind = 'r' and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' \
                  order by c.oid";
    for row in client.query(tables, &[]).await.expect("tables are listed") {
        let (table, oid): (String, u32) = (row.get(0), row.get(1));
        let filled = client.query_one(&format!("select exists (select from {table})"), &[]).await;
        if !filled.expect("a table can be looked into").get::<_, bool>(0) {
            empty.push((table, oid));
        }
    }
    // Parents first: whoever fails waits for the others.
    while !empty.is_empty() {
        let mut left = Vec::new();
        let mut why = String::new();
        for (table, oid) in &empty {
            let sql = insert(client, table, *oid).await;
            if let Err(e) = client.batch_execute(&sql).await {
                why = format!("{}\n{sql}", e.as_db_error().map_or(e.to_string(), ToString::to_string));
                left.push((table.clone(), *oid));
            }
        }
        assert!(left.len() < empty.len(), "{title}: cannot fill {left:?}: {why}");
        empty = left;
    }
    // Sequences behind identity columns have moved; materialized views have not.
    let views = "select oid::regclass::text from pg_class where relkind = 'm' order by oid";
    for row in client.query(views, &[]).await.expect("views are listed") {
        let sql = format!("refresh materialized view {}", row.get::<_, String>(0));
        client.batch_execute(&sql).await.unwrap_or_else(|e| panic!("{title}: {e}"));
    }
}

async fn insert(client: &Client, table: &str, oid: u32) -> String {
    let columns = "select quote_ident(attname), format_type(coalesce(nullif(t.typbasetype, 0), t.oid), case when t.typbasetype = 0 then atttypmod else t.typtypmod end), \
                          t.typtype::text, atthasdef, attidentity <> '', \
                          coalesce((select quote_literal(min(enumlabel)) from pg_enum where enumtypid = t.oid), '') \
                   from pg_attribute a join pg_type t on t.oid = a.atttypid \
                   where attrelid = $1 and attnum > 0 and not attisdropped and attgenerated = '' order by attnum";
    let rows = client.query(columns, &[&oid]).await.expect("columns are listed");
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for row in rows {
        let (name, ty, kind): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let (default, identity): (bool, bool) = (row.get(3), row.get(4));
        // What a default gives is not the same on two runs, unless it counts.
        let counted = identity || default && ty.contains("int");
        if !counted {
            names.push(name);
            values.push(value(&ty, &kind, &row.get::<_, String>(5)));
        }
    }
    match names.is_empty() {
        true => format!("insert into {table} select from generate_series(1, {ROWS})"),
        false => {
            let (names, values) = (names.join(", "), values.join(", "));
            format!("insert into {table} ({names}) select {values} from generate_series(1, {ROWS}) g")
        }
    }
}

/// An expression over `g` that differs from row to row, where the type has room for that.
fn value(ty: &str, kind: &str, label: &str) -> String {
    let base = ty.split(['(', '[']).next().unwrap_or(ty);
    let length = ty.split_once('(').and_then(|(_, n)| n.split([')', ',']).next()?.parse::<usize>().ok());
    let text = || match length {
        Some(n) if n < 12 => format!("left(g::text || 'xxxxxxxxxxxx', {n})"),
        Some(n) => format!("left(g || ' generated value', {n})"),
        None => "g || ' generated value'".to_owned(),
    };
    if ty.ends_with("[]") {
        return format!("'{{}}'::{ty}");
    }
    match base {
        _ if kind == "e" => format!("{label}::{ty}"),
        "smallint" | "integer" | "bigint" => "g".to_owned(),
        "numeric" | "double precision" | "real" => "g + 0.25".to_owned(),
        "boolean" => "g % 2 = 0".to_owned(),
        "character" => format!("lpad(g::text, {}, '0')", length.unwrap_or(1)),
        "text" | "character varying" => text(),
        "uuid" => "md5(g::text)::uuid".to_owned(),
        "date" => "date '2024-01-01' + g".to_owned(),
        "json" | "jsonb" => format!("json_build_object('n', g)::{base}"),
        "bytea" => "decode(md5(g::text), 'hex')".to_owned(),
        "inet" | "cidr" => format!("('10.0.0.' || g)::{base}"),
        _ if base.starts_with("timestamp") || ty.starts_with("timestamp") => {
            format!("(timestamp '2024-03-01 10:00:00.123456' + g * interval '1 hour')::{ty}")
        }
        _ => format!("null::{ty}"),
    }
}

/// Forty rows for every empty table of SQLite, parents first.
pub(crate) fn sqlite(db: &rusqlite::Connection, title: &str) {
    let list = "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' and sql not like 'create virtual%' order by rowid";
    let mut names = db.prepare(list).expect("tables are listed");
    let names: Vec<String> =
        names.query_map([], |r| r.get(0)).expect("tables are listed").map(|n| n.expect("a name")).collect();
    let count = |table: &str| -> i64 {
        db.query_row(&format!("select count(*) from \"{table}\""), [], |r| r.get(0)).expect("it counts")
    };
    let mut empty: Vec<String> = names.into_iter().filter(|t| count(t) == 0).collect();
    while !empty.is_empty() {
        let mut left = Vec::new();
        let mut why = String::new();
        for table in &empty {
            if let Err(e) = db.execute_batch(&sqlite_insert(db, table)) {
                why = e.to_string();
                left.push(table.clone());
            }
        }
        assert!(left.len() < empty.len(), "{title}: cannot fill {left:?}: {why}");
        empty = left;
    }
}

fn sqlite_insert(db: &rusqlite::Connection, table: &str) -> String {
    let mut statement = db
        .prepare(&format!("select name, upper(type) from pragma_table_xinfo('{table}') where hidden = 0"))
        .expect("columns are listed");
    let rows = statement.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)));
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for row in rows.expect("columns are listed") {
        let (name, ty) = row.expect("a column");
        names.push(format!("\"{name}\""));
        values.push(match ty.as_str() {
            t if t.contains("INT") => "value",
            t if t.contains("REAL") || t.contains("NUM") => "value + 0.25",
            "BLOB" => "randomblob(1)",
            _ => "value || ' generated value'",
        });
    }
    let (names, values) = (names.join(", "), values.join(", "));
    format!(
        "insert into \"{table}\" ({names}) with recursive g(value) as (values (1) union all select value + 1 from g where value < {ROWS}) select {values} from g"
    )
}
