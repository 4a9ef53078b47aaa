//! `-- cofferdam:allow RULE reason`, and what can be wrong with one.

use super::report::Draft;
use super::{Check, Input, Level, Levels, Report, Rule};
use crate::rules::{self, directives};
use crate::sql::{Directive, DirectiveKind, Script};

/// An allow given for the whole set, on the command line.
#[derive(Debug, Clone)]
pub struct Allow {
    /// The rule's id.
    pub rule: String,
    /// Why.
    pub reason: String,
}

/// What no allow covers: nobody knows what was meant. A statement that cannot be read may be
/// allowed: the server may know more SQL than we do.
pub(super) const NEVER_ALLOWED: &[&str] = &[
    rules::sqlite_unsupported_alter::RULE.card.id,
    directives::CANNOT_RUN.card.id,
    directives::UNKNOWN_DIRECTIVE.card.id,
    directives::UNKNOWN_RULE.card.id,
    directives::ALLOW_WITHOUT_REASON.card.id,
    directives::UNUSED_ALLOW.card.id,
];

/// Marks the findings that an allow with a reason covers.
pub(super) fn cover(drafts: &mut [Draft], script: &Script, input: &Input<'_>) -> Vec<bool> {
    let mut used = vec![false; script.directives.len()];
    for draft in drafts.iter_mut().filter(|d| !NEVER_ALLOWED.contains(&d.finding.rule)) {
        let rule = draft.finding.rule;
        let statement = draft.statement.and_then(|n| script.statements.get(n));
        for directive in statement.into_iter().flat_map(|s| &s.directives) {
            let DirectiveKind::Allow { rule: allowed, reason } = &directive.kind else { continue };
            if allowed != rule {
                continue;
            }
            if let Ok(n) = script.directives.binary_search_by_key(&directive.span, |d| d.span) {
                used[n] = true;
            }
            if !reason.is_empty() {
                draft.finding.allowed.get_or_insert_with(|| reason.clone());
            }
        }
        if let Some(global) = input.allows.iter().find(|a| a.rule == rule && !a.reason.trim().is_empty()) {
            draft.finding.allowed.get_or_insert_with(|| global.reason.clone());
        }
    }
    used
}

/// Reports directives nobody knows, rules nobody knows, allows without reason and
/// allows that cover nothing.
pub(super) fn judge_directives(
    script: &Script,
    used: &[bool],
    levels: Option<&Levels>,
    report: &mut Report<'_>,
) {
    for (n, directive) in script.directives.iter().enumerate() {
        report.statement = None;
        match &directive.kind {
            DirectiveKind::Unknown(text) => unknown_directive(directive, text, report),
            DirectiveKind::Allow { rule, reason } => {
                let used = used.get(n).copied().unwrap_or(false);
                judge_allow(script, directive, (rule, reason), used, levels, report);
            }
            DirectiveKind::NoTransaction | DirectiveKind::Online | DirectiveKind::Down(_) => {}
        }
    }
}

fn judge_allow(
    script: &Script,
    directive: &Directive,
    (rule, reason): (&str, &str),
    used: bool,
    levels: Option<&Levels>,
    report: &mut Report<'_>,
) {
    let Some(known) = rules::find(rule) else {
        let message = format!("allows the rule `{rule}`, which does not exist");
        let draft = report.speaking_for(&directives::UNKNOWN_RULE).at(directive.span, message);
        if let Some(near) = rules::nearest(rule) {
            draft.help(format!("did you mean `{near}`?"));
        }
        return;
    };
    if reason.is_empty() {
        let message = format!("allows `{rule}` without saying why, so it allows nothing");
        report.speaking_for(&directives::ALLOW_WITHOUT_REASON).at(directive.span, message);
    } else if !used && can_be_unused(known, script, levels) {
        let message = format!("allows `{rule}`, which finds nothing in the statement it holds for");
        report.speaking_for(&directives::UNUSED_ALLOW).at(directive.span, message);
    }
}

/// Where a rule cannot speak (raised by a running program, switched off, another
/// dialect's), its silence proves nothing.
fn can_be_unused(rule: &Rule, script: &Script, levels: Option<&Levels>) -> bool {
    !matches!(rule.check, Check::Elsewhere)
        && rule.card.dialects.contains(&script.dialect)
        && levels.and_then(|l| l.get(rule.card.id)) != Some(&Level::Off)
}

fn unknown_directive(directive: &Directive, text: &str, report: &mut Report<'_>) {
    let word = text.split_whitespace().next().unwrap_or("");
    let draft = report
        .speaking_for(&directives::UNKNOWN_DIRECTIVE)
        .at(directive.span, format!("asks for `{word}`, which is no directive"));
    const KNOWN: &[&str] = &["allow", "no-transaction", "online", "down"];
    if let Some(near) = rules::nearest_of(word, KNOWN.iter().copied()) {
        draft.help(format!("did you mean `cofferdam:{near}`?"));
    }
}
