//! The page of rules, from their cards.

use std::fmt::Write as _;

use cofferdam_analysis::card::{Card, Example};
use cofferdam_analysis::rules;
use cofferdam_analysis::sql::Dialect;

use super::{MADE, prose, sentence};

/// Every rule with its reason and its examples, by id.
pub(super) fn page() -> String {
    let mut cards: Vec<&Card> = rules::all().iter().map(|rule| rule.card).collect();
    cards.sort_by_key(|card| card.id);
    let mut out = format!(
        "{MADE}\n\n# Rules\n\nAs `cofferdam explain RULE` says it. An error is accepted in the file, above its \
         statement, by `-- cofferdam:allow RULE reason`, or once by `cofferdam migrate --allow RULE --reason TEXT`.\n\n\
         | rule | severity | finds |\n|---|---|---|\n"
    );
    for card in &cards {
        _ = writeln!(out, "| [{0}](#{0}) | {1} | {2} |", card.id, card.severity.as_str(), prose(card.title));
    }
    cards.iter().for_each(|card| one(card, &mut out));
    out
}

fn one(card: &Card, out: &mut String) {
    let mut marks = vec![card.severity.as_str().to_owned()];
    let dialect = |dialect: &Dialect| match dialect {
        Dialect::Postgres => "Postgres",
        Dialect::Sqlite => "SQLite",
    };
    let dialects: Vec<&str> = card.dialects.iter().map(dialect).collect();
    if !dialects.is_empty() {
        marks.push(dialects.join(" and "));
    }
    marks.extend(card.loss.then(|| "rows or columns are lost".to_owned()));
    marks.extend(card.lock.map(|lock| format!("takes {lock}")));
    _ = write!(
        out,
        "\n## {}\n\n{} ({})\n\n**Why.** {}\n\n**Instead.** {}\n",
        card.id,
        sentence(card.title),
        marks.join(", "),
        sentence(card.why),
        sentence(card.safe_form)
    );
    example("Found", card.bad, out);
    example("Not found", card.good, out);
}

fn example(title: &str, example: Option<Example>, out: &mut String) {
    let Some(example) = example else { return };
    let language = example.file.rsplit('.').next().unwrap_or("text");
    let language = if language == example.file { "text" } else { language };
    let given = example.given.trim();
    if !given.is_empty() {
        _ = write!(out, "\nAfter\n\n```sql\n{given}\n```\n");
    }
    _ = write!(out, "\n{title} in `{}`:\n\n```{language}\n{}\n```\n", example.file, example.text.trim_end());
}
