//! Puts the answers together: who belongs to whom, by object id.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cofferdam_analysis::catalog::{
    Catalog, Column, Engine, Object, ObjectId, ObjectKind, Privileges, QualifiedName,
};
use cofferdam_analysis::{Error, Result};

use super::{Answers, Ask, get, objects, parts, privileges, relations};

/// The system catalogs that object ids point into. Their own ids are fixed in Postgres' sources (`pg_*.h`).
pub(super) mod class {
    pub(crate) const TYPE: u32 = 1247;
    pub(crate) const ROUTINE: u32 = 1255;
    pub(crate) const RELATION: u32 = 1259;
    pub(crate) const CONSTRAINT: u32 = 2606;
    pub(crate) const SCHEMA: u32 = 2615;
    pub(crate) const RULE: u32 = 2618;
    pub(crate) const TRIGGER: u32 = 2620;
    pub(crate) const EXTENSION: u32 = 3079;
    pub(crate) const POLICY: u32 = 3256;
    pub(crate) const EVENT_TRIGGER: u32 = 3466;
    pub(crate) const PUBLICATION: u32 = 6104;
}

/// One object as the server numbers it: catalog, row, and column where it is one (else 0).
pub(super) type Address = (u32, u32, i32);

/// A catalog in the making.
pub(super) struct Assembly {
    pub(super) catalog: Catalog,
    /// By catalog and row.
    pub(super) ids: HashMap<(u32, u32), ObjectId>,
    /// Column names of each relation, by attribute number.
    pub(super) columns: HashMap<u32, BTreeMap<i16, String>>,
    comments: HashMap<Address, String>,
    privileges: HashMap<Address, Privileges>,
}

/// Builds the catalog.
pub(super) fn catalog(answers: &Answers) -> Result<Catalog> {
    let mut assembly = Assembly {
        catalog: Catalog::empty(Engine::Postgres, answers.version),
        ids: HashMap::new(),
        columns: HashMap::new(),
        comments: HashMap::new(),
        privileges: HashMap::new(),
    };
    assembly.side_notes(answers)?;
    objects::schemas(&mut assembly, answers.to(Ask::Schemas))?;
    relations::relations(&mut assembly, answers.to(Ask::Relations))?;
    relations::columns(&mut assembly, answers.to(Ask::Columns))?;
    relations::parents(&mut assembly, answers.to(Ask::Relations))?;
    relations::sequences(&mut assembly, answers.to(Ask::Sequences))?;
    objects::types(&mut assembly, answers.to(Ask::Types))?;
    objects::routines(&mut assembly, answers.to(Ask::Routines))?;
    parts::constraints(&mut assembly, answers.to(Ask::Constraints))?;
    parts::indexes(&mut assembly, answers.to(Ask::Indexes))?;
    parts::triggers(&mut assembly, answers.to(Ask::Triggers))?;
    parts::rules(&mut assembly, answers.to(Ask::Rules))?;
    parts::policies(&mut assembly, answers.to(Ask::Policies))?;
    objects::extensions(&mut assembly, answers.to(Ask::Extensions))?;
    objects::event_triggers(&mut assembly, answers.to(Ask::EventTriggers))?;
    objects::publications(&mut assembly, answers.to(Ask::Publications))?;
    objects::servers(&mut assembly, answers.to(Ask::Servers))?;
    objects::default_privileges(&mut assembly, answers.to(Ask::DefaultPrivileges))?;
    objects::defined(&mut assembly, answers.to(Ask::Defined))?;
    assembly.uses(answers)?;
    Ok(assembly.catalog)
}

impl Assembly {
    /// Comments and privileges, which any object may have.
    fn side_notes(&mut self, answers: &Answers) -> Result<()> {
        for row in answers.to(Ask::Comments) {
            self.comments.insert(address(row)?, get(row, "text")?);
        }
        for row in answers.to(Ask::Privileges) {
            let granted = privileges::granted(&get::<Vec<&str>>(row, "granted")?)?;
            let defaults = privileges::granted(&get::<Vec<&str>>(row, "defaults")?)?;
            if let Some(changed) = privileges::changed(granted, &defaults) {
                self.privileges.insert(address(row)?, changed);
            }
        }
        Ok(())
    }

    pub(super) fn comment(&self, class: u32, oid: u32) -> Option<String> {
        self.comments.get(&(class, oid, 0)).cloned()
    }

    pub(super) fn privileges(&self, class: u32, oid: u32) -> Option<Privileges> {
        self.privileges.get(&(class, oid, 0)).cloned()
    }

    pub(super) fn column_comment(&self, relation: u32, number: i16) -> Option<String> {
        self.comments.get(&(class::RELATION, relation, number.into())).cloned()
    }

    pub(super) fn column_privileges(&self, relation: u32, number: i16) -> Option<Privileges> {
        self.privileges.get(&(class::RELATION, relation, number.into())).cloned()
    }

    /// Adds an object under its number and its name.
    pub(super) fn add(&mut self, class: u32, oid: u32, id: ObjectId, object: Object) {
        self.ids.insert((class, oid), id.clone());
        self.catalog.objects.insert(id, object);
    }

    /// The object behind a relation's number; `None` when it was left out.
    pub(super) fn relation(&mut self, oid: u32) -> Option<(&QualifiedName, &mut Object)> {
        let id = self.ids.get(&(class::RELATION, oid))?;
        Some((&id.name, self.catalog.objects.get_mut(id)?))
    }

    pub(super) fn column_of(&mut self, relation: u32, number: i16) -> Option<&mut Column> {
        let name = self.columns.get(&relation)?.get(&number)?.clone();
        let (_, object) = self.relation(relation)?;
        let columns = match object {
            Object::Table(table) => &mut table.columns,
            Object::View(view) => &mut view.columns,
            _ => return None,
        };
        columns.iter_mut().find(|column| column.name == name)
    }

    /// Names of columns by their numbers; numbers of system columns are left out.
    pub(super) fn names(&self, relation: u32, numbers: &[i16]) -> Vec<String> {
        let columns = self.columns.get(&relation);
        numbers.iter().filter_map(|number| columns?.get(number).cloned()).collect()
    }

    fn uses(&mut self, answers: &Answers) -> Result<()> {
        let mut uses: BTreeMap<ObjectId, BTreeSet<ObjectId>> = BTreeMap::new();
        for row in answers.to(Ask::Uses) {
            let user = self.at(address(row)?);
            let used = self.at((get(row, "used_class")?, get(row, "used_object")?, get(row, "used_part")?));
            if let (Some(user), Some(used)) = (user, used)
                && user != used
            {
                uses.entry(user).or_default().insert(used);
            }
        }
        self.catalog.uses = uses;
        Ok(())
    }

    fn at(&self, (class, oid, part): Address) -> Option<ObjectId> {
        let id = self.ids.get(&(class, oid))?;
        if class != class::RELATION || part == 0 || id.kind == ObjectKind::Index {
            return Some(id.clone());
        }
        let name = self.columns.get(&oid)?.get(&i16::try_from(part).ok()?)?;
        Some(ObjectId::column(id.name.clone(), name))
    }
}

fn address(row: &tokio_postgres::Row) -> Result<Address> {
    Ok((get(row, "class")?, get(row, "object")?, get(row, "part")?))
}

/// `name=value` entries as Postgres stores options.
pub(super) fn options(entries: Option<Vec<&str>>) -> BTreeMap<String, String> {
    entries
        .unwrap_or_default()
        .into_iter()
        .map(|entry| entry.split_once('=').unwrap_or((entry, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Options of foreign objects, whose values may be passwords: those that look like one are withheld.
pub(super) fn withheld(entries: Option<Vec<&str>>) -> BTreeMap<String, String> {
    let mut found = options(entries);
    for (_, value) in found.iter_mut().filter(|(name, _)| may_be_secret(name)) {
        "(withheld)".clone_into(value);
    }
    found
}

/// Whether an option of this name may hold a password.
pub(crate) fn may_be_secret(option: &str) -> bool {
    const SECRET: &[&str] = &["pass", "secret", "token", "key", "credential"];
    let option = option.to_ascii_lowercase();
    SECRET.iter().any(|word| option.contains(word))
}

/// A letter of a catalog column that has no meaning to us: a newer server than we know.
pub(super) fn unknown(what: &str, letter: &str) -> Error {
    Error::invalid(format!("the server has a {what} `{letter}` that this program does not know"))
        .hint("use a newer version of cofferdam")
}
