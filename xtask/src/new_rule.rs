//! `cargo xtask new-rule ID`: writes a rule's file and its two lines in the registry.
//!
//! Never overwrites: a rule that stands is refused. The stub compiles, and its tests fail
//! until the card has its examples and the check finds something.

use std::path::{Path, PathBuf};

use crate::Failure;

/// # Errors
/// A missing or malformed id, a rule that stands already, a registry that is not as expected.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let [id] = words else { return Err(Failure::usage("usage: cargo xtask new-rule ID")) };
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/analysis/src/rules");
    let file = write(&rules, id)?;
    println!("wrote {}", file.display());
    println!("next: the card's text and examples, the check, and cargo test -p cofferdam-analysis rules");
    Ok(())
}

fn write(rules: &Path, id: &str) -> Result<PathBuf, Failure> {
    let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !id.split('-').all(part) || id.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Failure::usage(format!(
            "{id:?} is no rule id: write it in kebab-case, as in drop-table"
        )));
    }
    let module = id.replace('-', "_");
    let file = rules.join(format!("{module}.rs"));
    if file.exists() {
        return Err(Failure::usage(format!("{} stands already", file.display())));
    }
    let registry = rules.join("mod.rs");
    let text = std::fs::read_to_string(&registry)
        .map_err(|e| Failure::here(format!("cannot read {}: {e}", registry.display())))?;
    let text = register(&text, &module)
        .ok_or_else(|| Failure::here(format!("{} holds no list of rules as expected", registry.display())))?;
    let stub = STUB.replace("RULE_ID", id);
    for (path, content) in [(&file, stub), (&registry, text)] {
        std::fs::write(path, content)
            .map_err(|e| Failure::here(format!("cannot write {}: {e}", path.display())))?;
    }
    Ok(file)
}

/// The registry with a line for the module and one for the rule, each where its order puts it.
fn register(text: &str, module: &str) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_module =
        |line: &str| line.trim_start_matches("pub(crate) ").starts_with("mod ") && line.ends_with(';');
    let name = |line: &str| line.rsplit("mod ").next().unwrap_or("").trim_end_matches(';').to_owned();
    let first = lines.iter().position(|l| is_module(l))?;
    let count = lines[first..].iter().take_while(|l| is_module(l)).count();
    let at = lines[first..first + count].iter().position(|l| name(l).as_str() > module).unwrap_or(count);
    lines.insert(first + at, format!("mod {module};"));

    let open = lines.iter().position(|l| l.starts_with("static ALL"))?;
    let close = open + lines[open..].iter().position(|l| l == "];")?;
    // Rules stand in the order of their ids; those of `directives` are named by a constant.
    let id = |line: &str| match line.trim().trim_end_matches(',').split_once("::") {
        Some(("directives", constant)) => constant.to_lowercase(),
        Some((module, _)) => module.to_owned(),
        None => String::new(),
    };
    let at = lines[open + 1..close].iter().position(|l| id(l).as_str() > module);
    lines.insert(at.map_or(close, |n| open + 1 + n), format!("    {module}::RULE,"));
    Some(lines.join("\n") + "\n")
}

const STUB: &str = r#"//! What the pattern is, in a sentence.

use crate::card::{Card, Example};
use crate::judge::{Check, Context, Report, Rule};
use crate::sql::{Action, Effect};

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Effect(check) };

const CARD: Card = Card {
    id: "RULE_ID",
    title: "",
    why: "",
    safe_form: "",
    bad: Some(Example::sql("\n")),
    good: Some(Example::sql("\n")),
    ..Card::BLANK
};

fn check(cx: &Context<'_>, effect: &Effect, report: &mut Report<'_>) {
    let Action::Other = &effect.action else { return };
    if effect.within.runs_now() {
        report.at(effect.span, format!("does {}", cx.text(effect.span)));
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::testing::{assert_silent, postgres};

    #[test]
    fn the_pattern_is_found_in_each_of_its_forms() {
        for sql in ["", "", "", ""] {
            assert_eq!(postgres(sql).lines("RULE_ID").len(), 1, "{sql}");
        }
    }

    #[test]
    fn what_looks_like_it_is_not() {
        for sql in ["", "", "", ""] {
            assert_silent("RULE_ID", &postgres(sql));
        }
    }
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "//! The rules.\n\npub(crate) mod directives;\nmod drop_table;\nmod truncate;\n\n\
        static ALL: &[Rule] = &[\n    drop_table::RULE,\n    directives::SYNTAX_ERROR,\n    truncate::RULE,\n];\n";

    #[test]
    fn a_rule_is_registered_where_its_id_puts_it() {
        let text = register(REGISTRY, "set_tablespace").expect("the registry is as expected");
        assert!(text.contains("mod drop_table;\nmod set_tablespace;\nmod truncate;\n"), "{text}");
        assert!(
            text.contains("drop_table::RULE,\n    set_tablespace::RULE,\n    directives::SYNTAX_ERROR,"),
            "{text}"
        );
        let last = register(REGISTRY, "view_break").expect("the registry is as expected");
        assert!(last.contains("mod truncate;\nmod view_break;\n\n"), "{last}");
        assert!(last.ends_with("    truncate::RULE,\n    view_break::RULE,\n];\n"), "{last}");
        assert_eq!(register("nothing", "a"), None);
    }

    #[test]
    fn the_projects_registry_can_be_read() {
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/analysis/src/rules/mod.rs");
        let text = std::fs::read_to_string(rules).expect("the registry stands in the tree");
        let longer = register(&text, "zzz_last").expect("the registry is as expected");
        assert_eq!(longer.lines().count(), text.lines().count() + 2);
    }

    #[test]
    fn a_rule_that_stands_and_an_id_that_is_none_are_refused() {
        let folder = std::env::temp_dir().join(format!("cofferdam-new-rule-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a scratch folder");
        std::fs::write(folder.join("mod.rs"), REGISTRY).expect("a registry");
        for id in ["", "Drop", "drop_table", "-a", "a--b", "1a", "../x"] {
            assert_eq!(write(&folder, id).expect_err("no id").code, 2, "{id}");
        }
        write(&folder, "new-thing").expect("it is new");
        assert!(
            std::fs::read_to_string(folder.join("new_thing.rs"))
                .is_ok_and(|t| t.contains("id: \"new-thing\""))
        );
        assert_eq!(write(&folder, "new-thing").expect_err("it stands").code, 2);
        std::fs::remove_dir_all(&folder).expect("the scratch folder goes");
    }
}
