//! The page of JSON documents, from their schemas.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::files;
use crate::Failure;
use crate::files::cannot;

const HEAD: &str = "<!-- Made by `cargo xtask docs`: change the schemas instead. -->

# JSON documents

What `cofferdam COMMAND --format json` prints: one document, on one line, with these fields at its top beside \
those of the command. A failed command has `error` and mostly no fields of its own; \
[Output](../output.md) says more. Fields may be added; none is renamed or removed while `version` is 1. \
The schemas themselves (JSON Schema 2020-12) lie in [docs/schemas](../schemas/common.json).
";

/// The page for the schemas of a folder.
pub(super) fn page(folder: &Path) -> Result<String, Failure> {
    let mut out = HEAD.to_owned();
    let common = Schema::read(&folder.join("common.json"))?;
    let definition = |name: &str| &common.0["$defs"][name];
    table(&common, definition("head"), &mut out);
    for path in files(folder, "json")? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // A file of settings has no document, and says of itself what it is.
        let schema = Schema::read(&path)?;
        let body = &schema.0["$defs"]["body"];
        if name != "common" && body.is_object() {
            _ = write!(out, "\n## {name}\n");
            table(&schema, body, &mut out);
        }
    }
    _ = write!(out, "\n## What several of them hold\n");
    let shared = common.0["$defs"].as_object().into_iter().flatten();
    for (name, definition) in shared.filter(|(name, node)| is_shared(name, node)) {
        _ = write!(out, "\n### {name}\n");
        if let Some(text) = definition["description"].as_str() {
            _ = write!(out, "\n{text}\n");
        }
        table(&common, definition, &mut out);
    }
    Ok(out)
}

/// Whether a definition of `common.json` has a heading of its own.
fn is_shared(name: &str, node: &Value) -> bool {
    !["head", "failed"].contains(&name) && node["properties"].is_object()
}

/// One file of the folder.
struct Schema(Value);

/// Where a reference leads.
enum Place<'a> {
    /// Into the same file: shown in place.
    Here(&'a Value),
    /// To a definition that has a heading of its own.
    Shared(&'a str),
}

impl Schema {
    fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(cannot("read", path))?;
        let mut value: Value = serde_json::from_str(&text)
            .map_err(|e| Failure::here(format!("{} is no JSON: {e}", path.display())))?;
        if path.file_name().is_some_and(|name| name != "common.json") {
            // Small definitions of the common file, which have no heading, are shown in place.
            let common = Self::read(&path.with_file_name("common.json"))?.0;
            value["common"] = common["$defs"].clone();
        } else {
            value["common"] = value["$defs"].clone();
        }
        Ok(Self(value))
    }

    fn follow<'a>(&'a self, node: &'a Value) -> Place<'a> {
        let Some(reference) = node["$ref"].as_str() else { return Place::Here(node) };
        let name = reference.rsplit('/').next().unwrap_or_default();
        let own = &self.0["$defs"][name];
        let common = &self.0["common"][name];
        if own.is_object() && reference.starts_with('#') && own != common {
            return Place::Here(own);
        }
        if is_shared(name, common) { Place::Shared(name) } else { Place::Here(common) }
    }

    /// What a value is, in words.
    fn kind(&self, node: &Value) -> String {
        let node = match self.follow(node) {
            Place::Shared(name) => return format!("[{name}](#{name})"),
            Place::Here(node) => node,
        };
        if node["$ref"].is_string() {
            return self.kind(node);
        }
        if let Some(value) = node.get("const") {
            return code(value);
        }
        let either = |nodes: &[Value], one: &dyn Fn(&Value) -> String| {
            nodes.iter().map(one).collect::<Vec<_>>().join(" or ")
        };
        if let Some(values) = node["enum"].as_array() {
            return either(values, &code);
        }
        if let Some(nodes) = node["anyOf"].as_array().or(node["oneOf"].as_array()) {
            return either(nodes, &|node| self.kind(node));
        }
        let named = |name: &Value| match name.as_str() {
            Some("array") if node["items"].is_object() => format!("list of {}", self.kind(&node["items"])),
            Some("array") => "list".to_owned(),
            Some(name) => name.to_owned(),
            None => "any".to_owned(),
        };
        match node["type"].as_array() {
            Some(names) => either(names, &named),
            None if node["properties"].is_object() => "object".to_owned(),
            None => named(&node["type"]),
        }
    }

    /// The object that a value is or is made of, and what stands behind its name then.
    fn object<'a>(&'a self, node: &'a Value) -> Option<(&'a Value, &'static str)> {
        let Place::Here(found) = self.follow(node) else { return None };
        if found["$ref"].is_string() {
            return self.object(found);
        }
        if found["properties"].is_object() {
            return Some((found, ""));
        }
        if found["items"].is_object() {
            return self.object(&found["items"]).map(|(object, _)| (object, "[]"));
        }
        let nodes = found["anyOf"].as_array().or(found["oneOf"].as_array())?;
        nodes.iter().find_map(|node| self.object(node))
    }
}

fn code(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn table(schema: &Schema, object: &Value, out: &mut String) {
    *out += "\n| field | is | |\n|---|---|---|\n";
    rows(schema, object, "", out);
}

/// The fields that are always there first, in the order in which the schema names them.
fn rows(schema: &Schema, object: &Value, prefix: &str, out: &mut String) {
    let Some(properties) = object["properties"].as_object() else { return };
    let required: Vec<&str> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let others = properties.keys().map(String::as_str).filter(|name| !required.contains(name));
    for name in required.iter().copied().chain(others) {
        let Some(node) = properties.get(name) else { continue };
        let mut said = described(schema, node);
        if !required.contains(&name) {
            said = format!("{said} Not always there.").trim_start().to_owned();
        }
        _ = writeln!(out, "| `{prefix}{name}` | {} | {} |", schema.kind(node), said.replace('|', "\\|"));
        if let Some((inner, list)) = schema.object(node) {
            rows(schema, inner, &format!("{prefix}{name}{list}."), out);
        }
    }
}

/// What the field says of itself, else what its type says.
fn described(schema: &Schema, node: &Value) -> String {
    let own = node["description"].as_str();
    let of_type = || match schema.follow(node) {
        Place::Here(node) => node["description"].as_str(),
        Place::Shared(_) => None,
    };
    own.or_else(of_type).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch_tools::checkout;

    #[test]
    fn the_committed_page_is_what_the_schemas_say() {
        let docs = checkout().join("docs");
        let page = page(&docs.join("schemas")).expect("the schemas can be read");
        let committed = std::fs::read_to_string(docs.join("reference/json.md")).unwrap_or_default();
        assert!(
            page == committed,
            "docs/reference/json.md is not what the schemas say: `cargo xtask docs` writes it"
        );
    }

    #[test]
    fn fields_of_lists_and_of_what_may_be_null_are_shown_below_them() {
        let schema = Schema(serde_json::json!({
            "$defs": {"step": {"type": "object", "description": "One commit.", "properties": {"id": {"type": "string"}}}},
            "common": {"place": {"properties": {"line": {"type": "integer"}}}}
        }));
        let body = serde_json::json!({
            "required": ["steps", "run"],
            "properties": {
                "run": {"anyOf": [{"$ref": "#/$defs/step"}, {"type": "null"}]},
                "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
                "place": {"$ref": "common.json#/$defs/place"},
                "kind": {"enum": ["a", null]}
            }
        });
        let mut out = String::new();
        rows(&schema, &body, "", &mut out);
        assert_eq!(
            out,
            "| `steps` | list of object |  |\n| `steps[].id` | string | Not always there. |\n\
             | `run` | object or null |  |\n| `run.id` | string | Not always there. |\n\
             | `kind` | `a` or null | Not always there. |\n\
             | `place` | [place](#place) | Not always there. |\n"
        );
    }
}
