//! What is missing.

use super::super::Step;
use super::super::order::{Action, Stage};
use super::super::text::{find_outside, ident, qualified};
use super::{
    Outcome, Scene, Written, column, constraint, each, gone, index, own_name, parts_of, privileges,
    reference, routine, several, table, view,
};
use crate::catalog::Difference;
use crate::catalog::id::{ObjectId, ObjectKind};
use crate::catalog::object::{Defined, Object};
use crate::catalog::table::{ConstraintKind, Enabled};

/// The actions for a missing object.
pub(super) fn missing(scene: &Scene<'_>, differences: &[Difference], id: &ObjectId) -> Written<Outcome> {
    if id.kind == ObjectKind::Table {
        return table::make(scene, id).map(Outcome::Run);
    }
    if let Some(text) = table::comes_with_attach(scene, differences, id) {
        return Ok(Outcome::Follows(text));
    }
    let stage = match id.kind {
        ObjectKind::Constraint
            if scene.constraint(id).is_ok_and(|c| c.kind == ConstraintKind::ForeignKey) =>
        {
            Stage::ForeignKey
        }
        // They are for what comes later, not for what is made here.
        ObjectKind::DefaultPrivileges => Stage::Link,
        ObjectKind::Index if scene.index(id).is_ok_and(|(_, index)| !index.valid) => Stage::Link,
        _ => Stage::Make,
    };
    let mut made = vec![id.clone()];
    let steps = steps(scene, id, &mut made)?;
    let mut actions = vec![Action::new(stage, id.clone(), steps).makes(made)];
    if let Some(Object::Sequence(sequence)) = scene.expected.objects.get(id)
        && let Some(column) = &sequence.owned_by
    {
        let link = Action::new(Stage::Link, id.clone(), each([several::owned_by(id, Some(column))]));
        actions.push(link.makes([id.clone()]).needs([column.clone()]));
    }
    Ok(Outcome::Run(actions))
}

fn steps(scene: &Scene<'_>, id: &ObjectId, made: &mut Vec<ObjectId>) -> Written {
    match id.kind {
        ObjectKind::View | ObjectKind::MaterializedView => {
            made.extend(scene.expected.objects.get(id).map(|o| parts_of(id, o)).unwrap_or_default());
            view::make(scene, id)
        }
        ObjectKind::Column => column::add(scene, id),
        ObjectKind::Constraint => constraint::add(scene, id),
        ObjectKind::Index => index::add(scene, id, true),
        _ => {
            made.extend(scene.expected.objects.get(id).map(|o| parts_of(id, o)).unwrap_or_default());
            whole(scene, id).map(each)
        }
    }
}

/// Everything that makes one object that is neither a table nor a column, constraint or index.
pub(super) fn whole(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    match id.kind {
        ObjectKind::Trigger => return trigger(scene, id),
        ObjectKind::Rule => return rule(scene, id),
        ObjectKind::Policy => return policy(scene, id),
        ObjectKind::View | ObjectKind::MaterializedView => return view::whole(scene, id),
        _ => {}
    }
    let object = scene.expected.objects.get(id).ok_or_else(|| gone(&id.name))?;
    let (mut all, comment, granted) = match object {
        Object::Schema(schema) => {
            (vec![format!("create schema {}", qualified(&id.name))], &schema.comment, &schema.privileges)
        }
        Object::Extension(extension) => {
            // Its comment comes with it.
            let schema = ident(&extension.schema);
            return Ok(vec![format!(
                "create extension if not exists {} with schema {schema}",
                qualified(&id.name)
            )]);
        }
        Object::Type(type_) => (several::create_type(scene, id, type_)?, &type_.comment, &type_.privileges),
        Object::Domain(domain) => {
            (several::create_domain(scene, id, domain), &domain.comment, &domain.privileges)
        }
        Object::Sequence(sequence) => {
            (several::create_sequence(id, sequence), &sequence.comment, &sequence.privileges)
        }
        Object::Routine(found) => {
            let mut all = Vec::new();
            let text_body = found.library.is_none() && found.create.is_none() && found.language == "sql";
            if text_body && !found.body.starts_with("BEGIN ATOMIC") && !found.body.starts_with("RETURN ") {
                // What such a body names need not be there yet, nor on this session's search path.
                all.push("set check_function_bodies = off".to_owned());
            }
            let unchecked = !all.is_empty();
            all.push(routine::create(id, found)?);
            if unchecked {
                all.push("reset check_function_bodies".to_owned());
            }
            (all, &found.comment, &found.privileges)
        }
        Object::Publication(publication) => {
            (several::create_publication(id, publication), &publication.comment, &None)
        }
        Object::EventTrigger(trigger) => {
            (several::create_event_trigger(id, trigger), &trigger.comment, &None)
        }
        Object::Server(server) => (several::create_server(server)?, &server.comment, &server.privileges),
        Object::Defined(defined) if id.kind == ObjectKind::DefaultPrivileges => {
            return privileges::defaults(id, None, Some(&defined.definition));
        }
        Object::Defined(defined) => (create_defined(defined)?, &defined.comment, &defined.privileges),
        Object::Table(_) | Object::View(_) => return Err(gone(&id.name)),
    };
    if let Some(text) = comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    all.extend(privileges::fresh(scene, id, granted.as_ref()));
    Ok(all)
}

fn create_defined(defined: &Defined) -> Written<Vec<String>> {
    if defined.create.is_empty() {
        return Err(format!("the snapshot does not say how to create it: {}", defined.definition));
    }
    Ok(defined.create.clone())
}

/// A trigger, when it fires, and its comment.
pub(super) fn trigger(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    let name = own_name(id);
    let trigger = match scene.expected.objects.get(scene.owner(id)) {
        Some(Object::Table(table)) => table.triggers.get(name),
        Some(Object::View(view)) => view.triggers.get(name),
        _ => None,
    };
    let trigger = trigger.ok_or_else(|| gone(&id.name))?;
    let mut all = vec![trigger.definition.clone()];
    if trigger.enabled != Enabled::Origin {
        all.push(fires(id, "trigger", trigger.enabled));
    }
    if let Some(text) = &trigger.comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    Ok(all)
}

/// A rule, when it fires, and its comment.
pub(super) fn rule(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    let name = own_name(id);
    let rule = match scene.expected.objects.get(scene.owner(id)) {
        Some(Object::Table(table)) => table.rules.get(name),
        Some(Object::View(view)) => view.rules.get(name),
        _ => None,
    };
    let rule = rule.ok_or_else(|| gone(&id.name))?;
    let mut all = vec![rule.definition.trim().trim_end_matches(';').to_owned()];
    if rule.enabled != Enabled::Origin {
        all.push(fires(id, "rule", rule.enabled));
    }
    if let Some(text) = &rule.comment {
        all.push(reference::comment(scene, id, Some(text)));
    }
    Ok(all)
}

/// `alter table .. enable always trigger ..`.
pub(super) fn fires(id: &ObjectId, kind: &str, enabled: Enabled) -> String {
    let word = match enabled {
        Enabled::Origin => "enable",
        Enabled::Disabled => "disable",
        Enabled::Replica => "enable replica",
        Enabled::Always => "enable always",
    };
    // Triggers of views, too, are altered through `alter table`.
    format!("alter table {} {word} {kind} {}", qualified(&id.name), ident(own_name(id)))
}

/// A policy and its comment.
pub(super) fn policy(scene: &Scene<'_>, id: &ObjectId) -> Written<Vec<String>> {
    let table = scene.table(&id.name)?;
    let policy = table.policies.get(own_name(id)).ok_or_else(|| gone(&id.name))?;
    let roles: Vec<String> =
        policy.roles.iter().map(|role| if role == "public" { role.clone() } else { ident(role) }).collect();
    let mut text = format!(
        "create policy {} on {} as {} for {} to {}",
        ident(own_name(id)),
        qualified(&id.name),
        if policy.permissive { "permissive" } else { "restrictive" },
        policy.command,
        roles.join(", ")
    );
    if let Some(using) = &policy.using {
        text += &format!(" using ({using})");
    }
    if let Some(check) = &policy.check {
        text += &format!(" with check ({check})");
    }
    let mut all = vec![text];
    if let Some(comment) = &policy.comment {
        all.push(reference::comment(scene, id, Some(comment)));
    }
    Ok(all)
}

/// The definition of a trigger or rule, so that it takes the place of the one that is there.
pub(super) fn replacing(definition: &str) -> Option<String> {
    let rest = definition.strip_prefix("CREATE ")?;
    // Postgres replaces no constraint trigger.
    let plain = rest.starts_with("TRIGGER ") || rest.starts_with("RULE ");
    (plain && find_outside(rest, "CONSTRAINT ") != Some(0)).then(|| format!("CREATE OR REPLACE {rest}"))
}

/// Several statements that must be seen together.
pub(super) fn together(mut statements: Vec<String>) -> Vec<Step> {
    match statements.len() {
        0 | 1 => each(statements.drain(..)),
        _ => vec![Step::Together(statements)],
    }
}
