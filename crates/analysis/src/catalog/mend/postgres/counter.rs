//! A column that counts by itself: from a sequence of its own (`serial`) to an identity and
//! back, or to a sequence that is not there yet.
//!
//! One statement does it, so that no insert ever meets a column without a counter, and the
//! new counter goes on where the old one stood and after the highest value in the table.
//! Where that cannot be done right (values that are no whole numbers, rows that stand on
//! another server), a person has to.

use std::collections::BTreeSet;

use super::super::Step;
use super::super::order::{Action, Stage, users};
use super::super::text::{dollars, ident, literal, qualified};
use super::{Note, Scene, Written, change, column, create, own_name, several, table};
use crate::catalog::id::{ObjectId, ObjectKind, QualifiedName};
use crate::catalog::object::Object;
use crate::catalog::table::{Column, SequenceRange, TableKind};
use crate::catalog::{Catalog, Difference, DifferenceKind};

/// The actions of all such columns; what a person has to do gets a note.
pub(super) fn actions(
    scene: &Scene<'_>,
    differences: &[Difference],
    notes: &mut std::collections::BTreeMap<usize, Note>,
) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut told = BTreeSet::new();
    for difference in differences {
        let id = &difference.object;
        if !concerns(scene, differences, difference) || !told.insert(id) {
            continue;
        }
        match one(scene, differences, id) {
            Ok(action) => actions.push(action),
            Err(text) => {
                for at in places(differences, id, None) {
                    notes.insert(at, Note { text: text.clone(), by_hand: true });
                }
            }
        }
    }
    actions
}

/// Whether another counter takes over in this column.
pub(super) fn changes(scene: &Scene<'_>, id: &ObjectId) -> bool {
    if id.kind != ObjectKind::Column || scene.owner(id).kind != ObjectKind::Table {
        return false;
    }
    let (Ok(should), Ok(is)) = (scene.column(id), scene.live_column(id)) else { return false };
    if should.generated.is_some() || is.generated.is_some() || of_parent(should) || of_parent(is) {
        return false;
    }
    should.identity.is_some() != is.identity.is_some()
        || should.default != is.default && own_missing(scene, id).is_some()
}

/// A partition's identity is its parent's.
fn of_parent(column: &Column) -> bool {
    column.identity.as_ref().is_some_and(|identity| identity.range.increment == 0)
}

fn concerns(scene: &Scene<'_>, differences: &[Difference], difference: &Difference) -> bool {
    let DifferenceKind::Different { property } = &difference.kind else { return false };
    matches!(property.as_str(), "identity" | "default")
        && changes(scene, &difference.object)
        && table::comes_with_type(scene, differences, difference).is_none()
        && change::attached(scene, differences, &difference.object).is_none()
}

/// The sequence that the column owns, counts by, and lacks.
fn own_missing<'a>(scene: &Scene<'a>, id: &ObjectId) -> Option<&'a ObjectId> {
    let sequence = counts_by(scene.expected, id, scene.column(id).ok()?)?;
    let missing = !scene.live.objects.contains_key(scene.live_id(sequence));
    let Some(Object::Sequence(found)) = scene.expected.objects.get(sequence) else { return None };
    (missing && found.owned_by.as_ref() == Some(id)).then_some(sequence)
}

/// The sequence whose next value is the default, and nothing else is.
fn counts_by<'a>(catalog: &'a Catalog, id: &ObjectId, column: &Column) -> Option<&'a ObjectId> {
    let default = column.default.as_deref()?;
    let plain = default.starts_with("nextval('") && default.ends_with("'::regclass)");
    let mut used = catalog.uses.get(id)?.iter().filter(|id| id.kind == ObjectKind::Sequence);
    let first = used.next()?;
    (plain && used.next().is_none()).then_some(first)
}

/// Where the differences stand that the action mends.
fn places(
    differences: &[Difference],
    id: &ObjectId,
    sequences: Option<[Option<&ObjectId>; 2]>,
) -> Vec<usize> {
    let is_own = |d: &Difference| {
        matches!(&d.kind, DifferenceKind::Different { property } if matches!(property.as_str(), "identity" | "default"))
            && d.object == *id
    };
    let [made, dropped] = sequences.unwrap_or_default();
    let of_sequence = |d: &Difference| match d.kind {
        DifferenceKind::Missing => made == Some(&d.object),
        DifferenceKind::Extra => dropped == Some(&d.object),
        DifferenceKind::Different { .. } => false,
    };
    let (own, others): (Vec<usize>, Vec<usize>) = (0..differences.len())
        .filter(|at| is_own(&differences[*at]) || of_sequence(&differences[*at]))
        .partition(|at| is_own(&differences[*at]));
    own.into_iter().chain(others).collect()
}

fn one(scene: &Scene<'_>, differences: &[Difference], id: &ObjectId) -> Written<Action> {
    let (should, is) = (scene.column(id)?, scene.live_column(id)?);
    let by = counts_by(scene.expected, id, should);
    let sequence = by.and_then(|by| match scene.expected.objects.get(by) {
        Some(Object::Sequence(sequence)) => Some((by, sequence)),
        _ => None,
    });
    let uses_some = |id: &ObjectId| {
        scene.expected.uses.get(id).is_some_and(|u| u.iter().any(|u| u.kind == ObjectKind::Sequence))
    };
    if should.default.is_some() && sequence.is_none() && uses_some(id) {
        return Err("its default counts by more than one sequence's next value: alter it by hand".to_owned());
    }
    let made = sequence.filter(|(by, _)| !scene.live.objects.contains_key(scene.live_id(by)));
    let dropped = counts_by(scene.live, id, is).filter(|by| ends_with_default(scene, differences, id, by));
    let range = should.identity.as_ref().map(|i| &i.range).or(sequence.map(|(_, s)| &s.range));
    if range.is_some() {
        refuse_uncounted(scene, id, should, is)?;
    }
    if let Some((by, _)) = made {
        let shared =
            scene.expected.uses.iter().any(|(user, used)| {
                user.kind == ObjectKind::Column && user.part != id.part && used.contains(by)
            });
        if shared {
            return Err(format!("{by} counts for other columns too: alter it by hand"));
        }
    }
    let mut statements = Vec::new();
    let alter = format!("{} alter column {}", column::alter(scene, &id.name), ident(own_name(id)));
    if is.identity.is_some() && should.identity.is_none() {
        statements.push(format!("{alter} drop identity"));
    }
    if is.default.is_some() && should.default.is_none() {
        statements.push(format!("{alter} drop default"));
    }
    if let Some(dropped) = dropped {
        statements.push(format!("drop sequence {}", qualified(&dropped.name)));
    }
    if let Some((by, found)) = made {
        statements.extend(create::whole(scene, by)?);
        if found.owned_by.is_some() {
            statements.push(several::owned_by(by, found.owned_by.as_ref()));
        }
    }
    match (&should.identity, &should.default) {
        (Some(identity), _) if is.identity.is_none() => {
            statements.push(format!("{alter} add {}", column::identity_clause(identity)));
        }
        (_, Some(default)) => statements.push(format!("{alter} set default {default}")),
        _ => {}
    }
    let block = match range {
        Some(range) => {
            let there = sequence.filter(|_| made.is_none()).map(|(by, _)| by);
            going_on(scene, id, is, sequence.map(|(by, _)| by), there, range, &statements)
        }
        None => block("", &statements, ""),
    };
    let made = made.map(|(by, _)| by);
    let mut action = Action::new(Stage::Link, id.clone(), vec![Step::Alone(block)])
        .makes(made.cloned().into_iter().chain([id.clone()]))
        .frees([id.clone()])
        .drops(dropped.cloned());
    action.mends = places(differences, id, Some([made, dropped]));
    Ok(action)
}

/// Whether the old sequence is this column's alone, and nobody expects it.
fn ends_with_default(scene: &Scene<'_>, differences: &[Difference], id: &ObjectId, by: &ObjectId) -> bool {
    let Some(Object::Sequence(sequence)) = scene.live.objects.get(by) else { return false };
    let extra = differences.iter().any(|d| d.object == *by && d.kind == DifferenceKind::Extra);
    let all = users(scene.live);
    let mut others = all.get(by).into_iter().flatten().filter(|user| *user != id);
    let inherits =
        |user: &ObjectId| user.part == id.part && scene.live_column(user).is_ok_and(|c| c.inherited);
    extra && sequence.owned_by.as_ref() == Some(id) && others.all(inherits)
}

/// Fails when the highest value is not to be had as a whole number.
fn refuse_uncounted(scene: &Scene<'_>, id: &ObjectId, should: &Column, is: &Column) -> Written<()> {
    let whole = |type_: &str| matches!(type_, "smallint" | "integer" | "bigint");
    if !whole(&should.type_) || !whole(&is.type_) {
        return Err("its values are not whole numbers, so where to count on is not known: alter it by hand"
            .to_owned());
    }
    if scene.live_table(&id.name).is_none_or(|table| table.kind == TableKind::Foreign) {
        return Err("its rows stand on another server: alter it by hand".to_owned());
    }
    Ok(())
}

/// The block that notes where the counters stand, alters, and sets the new one behind that.
fn going_on(
    scene: &Scene<'_>,
    id: &ObjectId,
    is: &Column,
    sequence: Option<&ObjectId>,
    there: Option<&ObjectId>,
    range: &SequenceRange,
    statements: &[String],
) -> String {
    let (far, beyond) = if range.increment < 0 { ("min", "<=") } else { ("max", ">=") };
    let stands = |name: &QualifiedName| format!("select last_value from {} where is_called", qualified(name));
    let mut values =
        vec![format!("select {far}({})::bigint as at from {}", ident(own_name(id)), qualified(&id.name))];
    values.extend(is.identity.as_ref().map(|identity| stands(&identity.sequence)));
    values.extend(counts_by(scene.live, id, is).map(|by| stands(&by.name)));
    values.extend(there.map(|by| stands(&scene.live_id(by).name)));
    let before = format!(
        "  lock table {} in access exclusive mode;\n  \
         select {far}(v.at) into _cofferdam_at from (\n    {}\n  ) v;\n",
        qualified(&id.name),
        values.join("\n    union all ")
    );
    let next = match sequence {
        Some(sequence) => format!("{}::regclass", literal(&qualified(&sequence.name))),
        // The server makes up the name of an identity's sequence.
        None => format!(
            "(select d.objid::regclass from pg_depend d\n      \
             join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid\n      \
             join pg_class c on c.oid = d.objid and c.relkind = 'S'\n      \
             where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass\n      \
             and d.deptype = 'i' and d.refobjid = {}::regclass and a.attname = {})",
            literal(&qualified(&id.name)),
            literal(own_name(id))
        ),
    };
    let after = format!(
        "  if _cofferdam_at {beyond} {} then\n    perform setval({next}, _cofferdam_at);\n  end if;\n",
        range.start
    );
    block(&before, statements, &after)
}

/// One statement, so one transaction.
fn block(before: &str, statements: &[String], after: &str) -> String {
    let mut body = String::from(
        "\ndeclare\n  _cofferdam_at bigint;\nbegin\n  perform set_config('row_security', 'off', true);\n",
    );
    body += before;
    for statement in statements {
        body += &format!("  {statement};\n");
    }
    body += after;
    body += "end\n";
    format!("do {}", dollars(&body, "mend"))
}
