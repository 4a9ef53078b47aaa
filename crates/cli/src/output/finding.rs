//! Findings, for people: what, where, why, and what to write instead.

use std::fmt::Write as _;

use cofferdam_analysis::{Finding, Fix, FixKind, Severity, judge};

use super::snippet;
use super::text::{self, Style, Tone};

/// All of them, those of one file together and in its order.
pub(crate) fn all(findings: &[Finding], style: Style) -> String {
    let mut files: Vec<Option<&str>> = Vec::new();
    for finding in findings {
        let file = file(finding);
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let mut out = String::new();
    for name in files {
        let mut of_file: Vec<&Finding> = findings.iter().filter(|f| file(f) == name).collect();
        of_file.sort_by_key(|f| f.place.as_ref().map(|place| place.span.start));
        for finding in of_file {
            out += &one(finding, style);
            out.push('\n');
        }
    }
    out
}

fn file(finding: &Finding) -> Option<&str> {
    finding.place.as_ref().map(|place| place.file.as_str())
}

/// One finding; what somebody allowed takes one line.
pub(crate) fn one(finding: &Finding, style: Style) -> String {
    if let Some(reason) = &finding.allowed {
        return allowed(finding, reason, style);
    }
    let mut out = title(finding, style);
    if let Some(place) = &finding.place {
        out += &snippet::at(place, finding.text.as_deref(), finding.severity, style);
    }
    out += &item("why", &finding.why, style);
    if let Some(cost) = cost(finding) {
        out += &item("cost", &cost, style);
    }
    match (&finding.fix, &finding.help) {
        (Some(fix), help) => {
            if let Some(help) = help {
                out += &item("help", help, style);
            }
            out += &safe_form(fix, style);
        }
        (None, Some(help)) => out += &item("help", help, style),
        (None, None) => {}
    }
    // Accepting comes last: the safe form should be read first.
    let says_how = finding.help.as_deref().is_some_and(|help| help.contains("cofferdam:allow"));
    let can_be_allowed = finding.statement.is_some() && !judge::never_allowed(finding.rule);
    if finding.severity != Severity::Note && can_be_allowed && !says_how {
        let directive =
            format!("to accept it, write above the statement: -- cofferdam:allow {} REASON", finding.rule);
        out += &item("allow", &directive, style);
    }
    if finding.refuses() && can_be_allowed {
        let once = format!("cofferdam migrate --allow {} --reason TEXT", finding.rule);
        out += &item("allow once", &once, style);
    }
    out
}

fn title(finding: &Finding, style: Style) -> String {
    let label = format!("{}[{}]:", finding.severity.as_str(), finding.rule);
    let message = text::printable(&finding.message);
    let mut lines = text::wrap(&format!("{label} {message}"), style.width).into_iter();
    let first = lines.next().unwrap_or_default();
    let rest = first.strip_prefix(label.as_str()).unwrap_or(&first).to_owned();
    let mut out =
        format!("{}{}\n", style.paint(tone(finding.severity), &label), style.paint(Tone::Strong, &rest));
    for line in lines {
        _ = writeln!(out, "{}", style.paint(Tone::Strong, &line));
    }
    out
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Error,
        Severity::Warning => Tone::Warning,
        Severity::Note => Tone::Note,
    }
}

fn allowed(finding: &Finding, reason: &str, style: Style) -> String {
    let place = finding.place.as_ref().map_or_else(String::new, |at| format!("{}:{}: ", at.file, at.line));
    let text = format!("{}: {place}{}; {reason}", finding.rule, finding.message);
    text::labelled("allowed", &text, style)
}

/// `  = label: text`, as compilers set notes below a snippet.
fn item(label: &str, body: &str, style: Style) -> String {
    let indent = label.len() + 6;
    let mut out = String::new();
    let lines = text::wrap(&text::printable(body), style.width.saturating_sub(indent));
    for (at, line) in lines.iter().enumerate() {
        match at {
            0 => _ = writeln!(out, "  = {} {line}", style.paint(Tone::Help, &format!("{label}:"))),
            _ => _ = writeln!(out, "{:indent$}{line}", ""),
        }
    }
    out
}

/// The lock and what happens under it.
fn cost(finding: &Finding) -> Option<String> {
    let lock = finding.lock.map(|lock| format!("takes {lock}"));
    let rewrite = (finding.rewrite == Some(true)).then(|| "rewrites the table".to_owned());
    let scan = (finding.scan == Some(true)).then(|| "scans the table".to_owned());
    let parts: Vec<String> = [lock, rewrite, scan].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn safe_form(fix: &Fix, style: Style) -> String {
    let how = match fix.kind {
        FixKind::Rewrite => "instead",
        FixKind::Split => "instead, each in a file or transaction of its own",
    };
    let mut out = item("safe form", how, style);
    for statement in &fix.sql {
        for line in text::printable(statement).lines() {
            _ = writeln!(out, "      {line}");
        }
        if let Some(end) = out.pop() {
            out += if statement.trim_end().ends_with(';') { "" } else { ";" };
            out.push(end);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofferdam_analysis::{Lines, Span};

    const PLAIN: Style = Style { color: false, width: 80 };

    fn finding() -> Finding {
        let sql = "alter table notes add constraint c check (length(body) < 9000);\n";
        let mut finding = Finding::new(
            "add-check",
            Severity::Warning,
            "the new check on notes reads every row while nobody can use the table",
            "the scan runs under AccessExclusive, so reads and writes of all clients wait until it ends",
        );
        finding.place = Some(Lines::of(sql).place("migrations/0003_check.sql", sql, Span::new(0, 62)));
        finding.statement = Some(sql[..62].to_owned());
        finding.text = Some(sql.into());
        finding.lock = Some("AccessExclusive");
        finding.scan = Some(true);
        finding.fix = Some(Fix {
            kind: FixKind::Split,
            sql: vec![
                "alter table notes add constraint c check (length(body) < 9000) not valid".to_owned(),
                "alter table notes validate constraint c".to_owned(),
            ],
        });
        finding
    }

    #[test]
    fn a_finding_shows_the_line_the_reason_and_the_safe_form() {
        insta::assert_snapshot!(one(&finding(), PLAIN), @r"
        warning[add-check]: the new check on notes reads every row while nobody can use
        the table
         --> migrations/0003_check.sql:1:1
          |
        1 | alter table notes add constraint c check (length(body) < 9000);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = why: the scan runs under AccessExclusive, so reads and writes of all clients
                 wait until it ends
          = cost: takes AccessExclusive, scans the table
          = safe form: instead, each in a file or transaction of its own
              alter table notes add constraint c check (length(body) < 9000) not valid;
              alter table notes validate constraint c;
          = allow: to accept it, write above the statement:
                   -- cofferdam:allow add-check REASON
        ");
    }

    #[test]
    fn an_allowed_finding_takes_one_line() {
        let mut finding = finding();
        finding.allowed = Some("the table is small".to_owned());
        insta::assert_snapshot!(one(&finding, PLAIN), @r"
        allowed: add-check: migrations/0003_check.sql:1: the new check on notes reads
                 every row while nobody can use the table; the table is small
        ");
    }

    #[test]
    fn findings_of_one_file_stand_together_in_its_order() {
        let mut first = finding();
        let mut other = finding();
        first.message = "first".to_owned();
        other.message = "other file".to_owned();
        if let Some(place) = &mut other.place {
            place.file = "migrations/0001_a.sql".to_owned();
        }
        let mut second = finding();
        second.message = "second".to_owned();
        if let Some(place) = &mut second.place {
            place.span = Span::new(12, 17);
        }
        let text = all(&[second, other, first], PLAIN);
        let order: Vec<usize> =
            ["first", "second", "other file"].iter().filter_map(|m| text.find(m)).collect();
        assert!(order.len() == 3 && order.is_sorted(), "{text}");
    }
}
