//! `--exclude`: which tables are left out, and what goes with them.

use std::collections::BTreeSet;

use cofferdam_analysis::catalog::{Catalog, Engine, Object, ObjectId, ObjectKind, QualifiedName};
use cofferdam_analysis::{Error, Result};

/// What is left out of a catalog.
#[derive(Debug, Default)]
pub(super) struct Excluded {
    /// Tables and views, partitions of them included.
    pub(super) relations: BTreeSet<QualifiedName>,
    /// Their sequences.
    pub(super) sequences: BTreeSet<QualifiedName>,
    indexes: BTreeSet<QualifiedName>,
}

impl Excluded {
    /// What `patterns` mean in `catalog`.
    ///
    /// # Errors
    /// `Invalid` for one that matches nothing, `Refused` when something kept depends on
    /// what would be left out.
    pub(super) fn find(patterns: &[String], catalog: &Catalog) -> Result<Self> {
        let mut found = Self::default();
        for pattern in patterns {
            let names =
                catalog.objects.iter().filter(|(_, object)| is_relation(object)).map(|(id, _)| &id.name);
            let matching: Vec<_> =
                names.filter(|name| matches(pattern, name, catalog.engine)).cloned().collect();
            if matching.is_empty() {
                return Err(Error::invalid(format!("--exclude {pattern} matches no table"))
                    .hint("write schema.table, or table; * stands for any characters"));
            }
            found.relations.extend(matching);
        }
        found.add_partitions(catalog);
        found.add_parts(catalog);
        found.refuse_dependents(catalog)?;
        Ok(found)
    }

    /// Their names, for people.
    pub(super) fn names(&self) -> Vec<String> {
        self.relations.iter().map(ToString::to_string).collect()
    }

    /// Whether a table of this name, in any schema, is left out.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.relations.iter().any(|relation| relation.name.eq_ignore_ascii_case(name))
    }

    /// The catalog without them.
    pub(super) fn taken_out_of(&self, catalog: &Catalog) -> Catalog {
        let mut left = catalog.clone();
        left.objects.retain(|id, _| !self.covers(id));
        for object in left.objects.values_mut() {
            if let Object::Publication(publication) = object {
                let gone = |name: &str| {
                    name.parse::<QualifiedName>().is_ok_and(|name| self.relations.contains(&name))
                };
                publication.tables.retain(|name, _| !gone(name));
            }
        }
        left
    }

    /// Whether an object, or a part of one, goes with what is left out.
    fn covers(&self, id: &ObjectId) -> bool {
        match id.kind {
            ObjectKind::Sequence => self.sequences.contains(&id.name),
            ObjectKind::Index => self.indexes.contains(&id.name),
            ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Column
            | ObjectKind::Constraint
            | ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::Policy => self.relations.contains(&id.name),
            _ => false,
        }
    }

    /// A partition without its table would be another table.
    fn add_partitions(&mut self, catalog: &Catalog) {
        loop {
            let mut more = Vec::new();
            for (id, object) in &catalog.objects {
                let Object::Table(table) = object else { continue };
                let of_excluded = table.partition_bound.is_some()
                    && table.parents.iter().any(|parent| self.relations.contains(parent));
                if of_excluded && !self.relations.contains(&id.name) {
                    more.push(id.name.clone());
                }
            }
            if more.is_empty() {
                return;
            }
            self.relations.extend(more);
        }
    }

    fn add_parts(&mut self, catalog: &Catalog) {
        for (id, object) in &catalog.objects {
            match object {
                Object::Sequence(sequence)
                    if sequence.owned_by.as_ref().is_some_and(|by| self.relations.contains(&by.name)) =>
                {
                    self.sequences.insert(id.name.clone());
                }
                Object::Table(table) if self.relations.contains(&id.name) => {
                    let schema = id.name.schema.clone();
                    let indexes = table.indexes.keys().chain(table.constraints.keys());
                    let named = |name: &String| QualifiedName { schema: schema.clone(), name: name.clone() };
                    self.indexes.extend(indexes.map(named));
                }
                _ => {}
            }
        }
    }

    fn refuse_dependents(&self, catalog: &Catalog) -> Result<()> {
        if self.relations.is_empty() {
            return Ok(());
        }
        let dependent = match catalog.engine {
            Engine::Postgres => self.user_by_edges(catalog),
            Engine::Sqlite => self.user_by_text(catalog),
        };
        match dependent {
            None => Ok(()),
            Some((user, used)) => {
                Err(Error::refused(format!("{user} stays and needs {used}, which would be left out"))
                    .hint(format!("leave that out too with --exclude, or keep {used}")))
            }
        }
    }

    fn user_by_edges(&self, catalog: &Catalog) -> Option<(String, String)> {
        let kept =
            catalog.uses.iter().filter(|(id, _)| !self.covers(id) && id.kind != ObjectKind::Publication);
        kept.flat_map(|(id, used)| used.iter().map(move |used| (id, used)))
            .find(|(_, used)| self.covers(used))
            .map(|(id, used)| (id.to_string(), used.name.to_string()))
    }

    /// SQLite keeps no edges: foreign keys are told, and a view or trigger that has the
    /// name in its text may mean the table.
    fn user_by_text(&self, catalog: &Catalog) -> Option<(String, String)> {
        for excluded in &self.relations {
            for key in catalog.foreign_keys_to(excluded) {
                if !self.relations.contains(key.table) {
                    return Some((format!("table {}", key.table), excluded.to_string()));
                }
            }
            for (id, object) in catalog.objects.iter().filter(|(id, _)| !self.relations.contains(&id.name)) {
                let (text, triggers) = match object {
                    Object::View(view) => (Some(&view.definition), &view.triggers),
                    Object::Table(table) => (None, &table.triggers),
                    _ => continue,
                };
                if text.is_some_and(|text| says(text, &excluded.name)) {
                    return Some((id.to_string(), excluded.to_string()));
                }
                if let Some((name, _)) = triggers.iter().find(|(_, t)| says(&t.definition, &excluded.name)) {
                    return Some((format!("trigger {name} of {}", id.name), excluded.to_string()));
                }
            }
        }
        None
    }
}

fn is_relation(object: &Object) -> bool {
    matches!(object, Object::Table(_) | Object::View(_))
}

/// Whether a word of the text is this name.
fn says(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&name)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}

/// `schema.table`, or `table` in any schema; `*` is any run of characters.
fn matches(pattern: &str, name: &QualifiedName, engine: Engine) -> bool {
    let fold = |text: &str| match engine {
        Engine::Sqlite => text.to_ascii_lowercase(),
        Engine::Postgres => text.to_owned(),
    };
    let pattern = fold(pattern);
    let bare = fold(&name.name);
    let schema = name.schema.as_deref().unwrap_or("main");
    glob(&pattern, &format!("{schema}.{bare}")) || (!pattern.contains('.') && glob(&pattern, &bare))
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| glob(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_names_with_stars() {
        let name = QualifiedName::new("app", "events_2020");
        for (pattern, is) in [
            ("app.events_2020", true),
            ("events_2020", true),
            ("events_*", true),
            ("*.events_2020", true),
            ("app.*", true),
            ("*", true),
            ("app.events", false),
            ("other.*", false),
            ("vents_2020", false),
            ("EVENTS_2020", false),
        ] {
            assert_eq!(matches(pattern, &name, Engine::Postgres), is, "{pattern}");
        }
        assert!(matches("MAIN.Notes", &QualifiedName::bare("notes"), Engine::Sqlite));
    }

    #[test]
    fn a_name_in_a_text_is_a_whole_word() {
        assert!(says("select * from \"Notes\"", "notes"));
        assert!(!says("select * from notes_old, mynotes", "notes"));
    }
}
