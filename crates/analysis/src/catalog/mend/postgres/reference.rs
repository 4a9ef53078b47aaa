//! Objects as `DROP`, `COMMENT ON` and `GRANT ON` name them.

use super::super::text::{ident, literal, qualified};
use super::{Scene, own_name};
use crate::catalog::id::{ObjectId, ObjectKind};

/// `table "public"."notes"`: kind and name.
pub(super) fn reference(scene: &Scene<'_>, id: &ObjectId) -> String {
    let name = qualified(&id.name);
    let part = ident(own_name(id));
    let arguments = id.part.as_deref().unwrap_or("");
    match id.kind {
        ObjectKind::Schema => format!("schema {name}"),
        ObjectKind::Extension => format!("extension {name}"),
        ObjectKind::Language => format!("language {name}"),
        ObjectKind::ForeignDataWrapper => format!("foreign data wrapper {name}"),
        ObjectKind::Server => format!("server {name}"),
        ObjectKind::Collation => format!("collation {name}"),
        ObjectKind::Type => format!("type {name}"),
        ObjectKind::Domain => format!("domain {name}"),
        ObjectKind::Sequence => format!("sequence {name}"),
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
            format!("routine {name}({arguments})")
        }
        ObjectKind::Operator => {
            // An operator's name is no word: it stands bare.
            let schema = id.name.schema.as_deref().map(|s| format!("{}.", ident(s))).unwrap_or_default();
            format!("operator {schema}{} ({arguments})", id.name.name)
        }
        ObjectKind::OperatorFamily => format!("operator family {name} {arguments}"),
        ObjectKind::OperatorClass => format!("operator class {name} {arguments}"),
        ObjectKind::Cast => format!("cast ({})", id.name.name),
        ObjectKind::TextSearchDictionary => format!("text search dictionary {name}"),
        ObjectKind::TextSearchConfiguration => format!("text search configuration {name}"),
        ObjectKind::Conversion => format!("conversion {name}"),
        ObjectKind::Table => {
            let foreign = |catalog| {
                super::table_in(catalog, &id.name)
                    .is_some_and(|table| table.kind == crate::catalog::TableKind::Foreign)
            };
            let foreign = foreign(scene.expected) || foreign(scene.live);
            format!("{}table {name}", if foreign { "foreign " } else { "" })
        }
        ObjectKind::View => format!("view {name}"),
        ObjectKind::MaterializedView => format!("materialized view {name}"),
        ObjectKind::Column => format!("column {name}.{part}"),
        ObjectKind::Constraint if scene.owner(id).kind == ObjectKind::Domain => {
            format!("constraint {part} on domain {name}")
        }
        ObjectKind::Constraint => format!("constraint {part} on {name}"),
        ObjectKind::Index => format!("index {name}"),
        ObjectKind::Trigger => format!("trigger {part} on {name}"),
        ObjectKind::Rule => format!("rule {part} on {name}"),
        ObjectKind::Policy => format!("policy {part} on {name}"),
        ObjectKind::Statistics => format!("statistics {name}"),
        ObjectKind::Publication => format!("publication {name}"),
        ObjectKind::EventTrigger => format!("event trigger {name}"),
        // Has neither a drop nor a comment; its own module writes it.
        ObjectKind::DefaultPrivileges => format!("default privileges {name}"),
    }
}

/// `comment on ..`.
pub(super) fn comment(scene: &Scene<'_>, id: &ObjectId, text: Option<&str>) -> String {
    comment_on(&reference(scene, id), text)
}

/// `comment on` what is named already.
pub(super) fn comment_on(reference: &str, text: Option<&str>) -> String {
    format!("comment on {reference} is {}", text.map_or_else(|| "null".to_owned(), literal))
}
