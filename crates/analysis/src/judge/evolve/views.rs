//! SQLite's views: what each reads, because a column that a view reads cannot be dropped.

use super::super::world::{World, same_column};
use crate::sql::{Action, Effect, Filter, ObjectKind, ObjectName, Statement};

/// A view, as far as it matters to the tables behind it.
#[derive(Debug, Clone)]
pub(in crate::judge) struct View {
    name: ObjectName,
    tables: Vec<ObjectName>,
    columns: Vec<String>,
}

impl World {
    /// Remembers what a view that the statement has made reads: its query stands in its body.
    pub(in crate::judge) fn note_view(&mut self, statement: &Statement) {
        let [Effect { action: Action::Create { kind: ObjectKind::View, name, .. }, .. }, body] =
            &*statement.effects
        else {
            return;
        };
        let Action::Select(query) = &body.action else { return };
        let condition = match &query.filter {
            Filter::Condition(condition) => &*condition.columns,
            Filter::All | Filter::AlwaysTrue(_) | Filter::CurrentOf => &[],
        };
        let items = query.items.iter().flat_map(|item| &item.columns);
        let columns = items.chain(condition).cloned().collect();
        let view = View { name: name.clone(), tables: query.tables.clone(), columns };
        self.views.insert(self.key(name), view);
    }

    pub(super) fn drop_views(&mut self, names: &[ObjectName]) {
        for name in names {
            self.views.remove(&self.key(name));
        }
    }

    /// The views made by the set that read this column of the table, by name; only what
    /// stands in their select list and condition is known.
    pub fn views_reading(&self, table: &ObjectName, column: &str) -> Vec<&ObjectName> {
        let reads = |view: &&View| {
            view.tables.iter().any(|t| t.same_as(table, self.dialect))
                && view.columns.iter().any(|c| same_column(c, column, self.dialect))
        };
        let mut names: Vec<&ObjectName> = self.views.values().filter(reads).map(|v| &v.name).collect();
        names.sort_unstable();
        names
    }
}
