//! The rules, one a file: a card, a check of about forty lines, its tests below.
//!
//! A check says only what it sees in one effect; what the schema looks like, whose rows
//! are at stake and whether somebody allowed it is the business of [`crate::judge`].
//! `cargo xtask new-rule ID` writes the file and its two lines here.

mod constant_using;
mod copy_select_star;
pub(crate) mod directives;
mod dml_without_where;
mod drop_column;
mod drop_database;
mod drop_owned;
mod drop_recreate;
mod drop_schema;
mod drop_table;
mod history_edited;
mod lossy_cast_copy;
mod merge_delete;
mod narrow_type;
mod push_plan;
mod rename_as_drop_add;
mod set_unlogged;
mod silent_overwrite;
mod silent_row_loss;
mod sqlite_add_column_limits;
mod sqlite_autoincrement;
mod sqlite_drop_column_limits;
mod sqlite_fk_pragma_in_transaction;
mod sqlite_no_fk_check;
mod sqlite_not_null_copy;
mod sqlite_nullable_pk;
mod sqlite_on_conflict_in_ddl;
mod sqlite_quoted_typo;
mod sqlite_rebuild_fk_on;
mod sqlite_rebuild_loses_objects;
mod sqlite_rebuild_not_atomic;
mod sqlite_rename_old_away;
pub(crate) mod sqlite_unsupported_alter;
mod sqlite_writable_schema;
mod truncate;
mod update_or_ignore;

use std::fmt::Write as _;

use crate::judge::Rule;

/// Every rule, by id.
static ALL: &[Rule] = &[
    directives::ALLOW_WITHOUT_REASON,
    directives::CANNOT_RUN,
    constant_using::RULE,
    copy_select_star::RULE,
    dml_without_where::RULE,
    drop_column::RULE,
    drop_database::RULE,
    drop_owned::RULE,
    drop_recreate::RULE,
    drop_schema::RULE,
    drop_table::RULE,
    directives::EMPTY_MIGRATION,
    history_edited::RULE,
    lossy_cast_copy::RULE,
    merge_delete::RULE,
    narrow_type::RULE,
    push_plan::RULE,
    rename_as_drop_add::RULE,
    set_unlogged::RULE,
    silent_overwrite::RULE,
    silent_row_loss::RULE,
    sqlite_add_column_limits::RULE,
    sqlite_autoincrement::RULE,
    sqlite_drop_column_limits::RULE,
    sqlite_fk_pragma_in_transaction::RULE,
    sqlite_no_fk_check::RULE,
    sqlite_not_null_copy::RULE,
    sqlite_nullable_pk::RULE,
    sqlite_on_conflict_in_ddl::RULE,
    sqlite_quoted_typo::RULE,
    sqlite_rebuild_fk_on::RULE,
    sqlite_rebuild_loses_objects::RULE,
    sqlite_rebuild_not_atomic::RULE,
    sqlite_rename_old_away::RULE,
    sqlite_unsupported_alter::RULE,
    sqlite_writable_schema::RULE,
    directives::SYNTAX_ERROR,
    truncate::RULE,
    directives::UNKNOWN_DIRECTIVE,
    directives::UNKNOWN_RULE,
    directives::UNUSED_ALLOW,
    update_or_ignore::RULE,
];

/// Every rule.
pub fn all() -> &'static [Rule] {
    ALL
}

/// The rule of that id.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.card.id == id)
}

/// The id that `id` is most likely a misspelling of.
pub fn nearest(id: &str) -> Option<&'static str> {
    nearest_of(id, ALL.iter().map(|rule| rule.card.id))
}

/// One line a rule: id, severity, title. For `cofferdam explain` without a rule.
pub fn list() -> String {
    let width = ALL.iter().map(|r| r.card.id.len()).max().unwrap_or(0);
    ALL.iter().fold(String::new(), |mut text, rule| {
        let card = rule.card;
        let _ = writeln!(text, "{:width$}  {:7}  {}", card.id, card.severity.as_str(), card.title);
        text
    })
}

/// The candidate with the fewest edits, if fewer than a third of its letters need one.
pub(crate) fn nearest_of<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    // A file may hold anything behind `allow`; nothing that long is a misspelling.
    if word.len() > 64 {
        return None;
    }
    let (edits, near) = candidates.map(|c| (edits(&word, c), c)).min()?;
    (edits * 3 <= near.len().max(3)).then_some(near)
}

/// Levenshtein's distance, in bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
