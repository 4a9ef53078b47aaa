//! Findings as plain lines: compact, stable, without colour. For tests and logs.

use std::fmt::Write as _;

use crate::finding::{Finding, FixKind};

/// One block for each finding: `severity rule file:line:column message`, then indented
/// lines for why, help, fix, the reason it is allowed for, and what must be proved.
pub fn render(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let place = match &finding.place {
            Some(place) => format!("{}:{}:{}", place.file, place.line, place.column),
            None => "-".to_owned(),
        };
        let _ = writeln!(text, "{} {} {place} {}", finding.severity.as_str(), finding.rule, finding.message);
        let _ = writeln!(text, "  why: {}", finding.why);
        if let Some(help) = &finding.help {
            let _ = writeln!(text, "  help: {help}");
        }
        if let Some(fix) = &finding.fix {
            let kind = match fix.kind {
                FixKind::Rewrite => "rewrite",
                FixKind::Split => "split",
            };
            for sql in &fix.sql {
                let _ = writeln!(text, "  {kind}: {sql}");
            }
        }
        if let Some(reason) = &finding.allowed {
            let _ = writeln!(text, "  allowed: {reason}");
        }
        if let Some(proof) = &finding.proof {
            let tables: Vec<String> = proof.tables.iter().map(ToString::to_string).collect();
            let column = proof.column.as_ref().map(|c| format!(" column {c}")).unwrap_or_default();
            let empty = if proof.must_be_empty { " (only if empty)" } else { "" };
            let _ = writeln!(text, "  proof: {}{column} holds nobody's rows{empty}", tables.join(", "));
        }
    }
    text
}
