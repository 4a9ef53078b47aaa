//! Type names, one spelling each: `int4` and `int` are `integer`.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::{
    super::table::TypeName,
    tree::{self, Origin},
};

/// Whether `kind` is a type as a column, cast or parameter names it.
pub(super) fn is_type(kind: SyntaxKind) -> bool {
    use SyntaxKind::*;
    matches!(
        kind,
        ARRAY_TYPE
            | PATH_TYPE
            | VARCHAR_TYPE
            | CHARACTER_TYPE
            | BIT_TYPE
            | BIT_VARYING_TYPE
            | DOUBLE_TYPE
            | TIME_TYPE
            | TIMESTAMP_TYPE
            | INTERVAL_TYPE
            | PERCENT_TYPE
    )
}

/// The type that is a child of `node`.
pub(super) fn type_in(node: &SyntaxNode, origin: &Origin<'_>) -> Option<TypeName> {
    node.children().find(|n| is_type(n.kind())).map(|n| type_name(&n, origin))
}

/// Reads one type.
pub(super) fn type_name(node: &SyntaxNode, origin: &Origin<'_>) -> TypeName {
    use SyntaxKind::*;
    let span = origin.of(node);
    if node.kind() == ARRAY_TYPE {
        let element = node.children().find(|n| is_type(n.kind())).map(|n| type_name(&n, origin));
        return TypeName { array: true, span, ..element.unwrap_or_default() };
    }
    let zoned = |plain: &str| {
        let zone = if tree::has(node, WITH_TIMEZONE) { "with" } else { "without" };
        format!("{plain} {zone} time zone")
    };
    let (schema, name) = match node.kind() {
        VARCHAR_TYPE => (None, "character varying".to_owned()),
        CHARACTER_TYPE => (None, "character".to_owned()),
        BIT_TYPE => (None, "bit".to_owned()),
        BIT_VARYING_TYPE => (None, "bit varying".to_owned()),
        DOUBLE_TYPE => (None, "double precision".to_owned()),
        TIME_TYPE => (None, zoned("time")),
        TIMESTAMP_TYPE => (None, zoned("timestamp")),
        INTERVAL_TYPE => (None, "interval".to_owned()),
        _ => named(node),
    };
    let args = arguments(node);
    let (name, args) = match (name.as_str(), args.first()) {
        ("float", None) => ("double precision".to_owned(), args),
        ("float", Some(digits)) => (float(digits).to_owned(), Vec::new()),
        _ => (name, args),
    };
    TypeName { name, schema, args, array: false, span }
}

/// `float(24)` and less is `real`.
fn float(digits: &str) -> &'static str {
    if digits.parse::<u32>().is_ok_and(|d| d <= 24) { "real" } else { "double precision" }
}

/// `(10, 2)` as written; the precision of times stands without a list.
fn arguments(node: &SyntaxNode) -> Vec<String> {
    let list = tree::child(node, SyntaxKind::ARG_LIST);
    let (of, kind) = match &list {
        Some(list) => (list, SyntaxKind::ARG),
        None => (node, SyntaxKind::LITERAL),
    };
    of.children().filter(|n| n.kind() == kind).map(|n| tree::plain_text(&n)).collect()
}

/// The schema and canonical name of a type that is written as a name.
fn named(node: &SyntaxNode) -> (Option<String>, String) {
    let object = tree::object(node);
    let schema = object.schema.filter(|s| s != "pg_catalog");
    if schema.is_some() {
        return (schema, object.name);
    }
    if object.name == "char" {
        // Quoted, or it would be a CHARACTER_TYPE: the one-byte type of the catalogs.
        return (None, "\"char\"".to_owned());
    }
    (None, canonical(&object.name).map_or(object.name, str::to_owned))
}

/// The name `format_type` prints, where it is another than the one written. The serial
/// types are no types to the server; they keep their first name.
fn canonical(name: &str) -> Option<&'static str> {
    Some(match name {
        "int" | "int4" => "integer",
        "int2" => "smallint",
        "int8" => "bigint",
        "serial4" => "serial",
        "serial2" => "smallserial",
        "serial8" => "bigserial",
        "float4" => "real",
        "float8" => "double precision",
        "decimal" | "dec" => "numeric",
        "bool" => "boolean",
        "varchar" => "character varying",
        "bpchar" => "character",
        "varbit" => "bit varying",
        "timestamptz" => "timestamp with time zone",
        "timestamp" => "timestamp without time zone",
        "timetz" => "time with time zone",
        "time" => "time without time zone",
        _ => return None,
    })
}
