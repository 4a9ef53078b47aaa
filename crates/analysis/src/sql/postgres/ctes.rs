//! The names that `with` clauses bring into sight: what is read by such a name is no table.

use std::collections::HashMap;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::tree;

/// The queries of one `with` clause, by name, with their place in it.
#[derive(Debug, Default)]
pub(super) struct Names {
    places: HashMap<String, usize>,
    recursive: bool,
}

impl Names {
    pub(super) fn of(with: &SyntaxNode) -> Self {
        let queries = with.children().filter(|n| n.kind() == SyntaxKind::WITH_TABLE);
        let names = queries.map(|n| tree::name_in(&n, SyntaxKind::CTE_NAME).unwrap_or_default());
        let mut places = HashMap::new();
        for (place, name) in names.enumerate() {
            places.entry(name).or_insert(place);
        }
        Self { places, recursive: tree::has_word(with, SyntaxKind::RECURSIVE_KW) }
    }

    /// Whether the query at `place` (or the statement itself, behind all of them) sees
    /// one of that name: itself and those that follow only in a recursive clause.
    pub(super) fn sees(&self, place: usize, name: &str) -> bool {
        self.places.get(name).is_some_and(|at| self.recursive || *at < place)
    }
}

/// Names in sight of a statement, its own clause and those around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ctes<'a> {
    names: &'a Names,
    place: usize,
    outer: Option<&'a Ctes<'a>>,
}

impl<'a> Ctes<'a> {
    /// What the query at `place` of a clause sees; `usize::MAX` for the statement itself.
    pub(super) fn new(names: &'a Names, place: usize, outer: Option<&'a Ctes<'a>>) -> Self {
        Self { names, place, outer }
    }

    /// Whether `name` means a `with` query here.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.sees(self.place, name) || self.outer.is_some_and(|outer| outer.contains(name))
    }
}

/// The statement or query that a `with` clause belongs to. In front of a compound query the
/// parser hangs it under the first arm, though all arms see it.
pub(super) fn owner(with: &SyntaxNode) -> Option<SyntaxNode> {
    let mut owner = with.parent()?;
    while let Some(around) = owner.parent()
        && around.kind() == SyntaxKind::COMPOUND_SELECT
        && around.first_child().as_ref() == Some(&owner)
    {
        owner = around;
    }
    Some(owner)
}
