//! Commands that make a database equal to a schema by dropping what is too much, in the
//! files that start containers and run scripts.

use crate::card::{Card, Example};
use crate::document::{Command, Document, DocumentKind};
use crate::finding::Finding;
use crate::judge::{Check, Rule};
use crate::place::Span;

pub(crate) const RULE: Rule = Rule { card: &CARD, check: Check::Document(check) };

const CARD: Card = Card {
    id: "push-plan",
    title: "A schema push or reset in a start script",
    why: "it drops every table and column that the schema file does not name, without a migration and \
          without asking, each time the script or container runs",
    safe_form: "generate a migration, have it checked, and run `cofferdam migrate` at the start",
    dialects: &[],
    loss: true,
    bad: Some(Example::file(
        "compose.yml",
        "services:\n  api:\n    image: node:22\n    command: sh -c \"npx drizzle-kit push && node server.js\"\n",
    )),
    good: Some(Example::file(
        "compose.yml",
        "services:\n  api:\n    image: node:22\n    command: sh -c \"cofferdam migrate && node server.js\"\n",
    )),
    ..Card::BLANK
};

/// A program, and the words behind it that make it one of these: all must stand, in order.
const PUSHES: &[(&str, &[&str])] = &[
    ("drizzle-kit", &["push"]),
    ("drizzle-kit", &["push:pg"]),
    ("drizzle-kit", &["push:sqlite"]),
    ("drizzle-kit", &["push:mysql"]),
    ("prisma", &["db", "push"]),
    ("prisma", &["migrate", "reset"]),
    ("prisma", &["--accept-data-loss"]),
    ("prisma", &["--force-reset"]),
    ("typeorm", &["schema:sync"]),
    ("typeorm", &["schema:drop"]),
    ("mikro-orm", &["schema:fresh"]),
    ("mikro-orm", &["schema:drop"]),
    ("mikro-orm", &["schema:update"]),
    ("sequelize", &["db:drop"]),
    ("sequelize-cli", &["db:drop"]),
    ("rails", &["db:reset"]),
    ("rails", &["db:drop"]),
    ("rails", &["db:schema:load"]),
    ("rake", &["db:reset"]),
    ("rake", &["db:drop"]),
    ("rake", &["db:schema:load"]),
    ("artisan", &["migrate:fresh"]),
    ("artisan", &["migrate:refresh"]),
    ("artisan", &["db:wipe"]),
    ("manage.py", &["flush"]),
    ("manage.py", &["reset_db"]),
    ("supabase", &["db", "reset"]),
    ("atlas", &["schema", "apply", "--auto-approve"]),
];

fn check(document: &Document, card: &Card) -> Vec<Finding> {
    let mut findings = Vec::new();
    for command in document.commands() {
        let Some((span, words)) = pushes(&command) else { continue };
        let place = match document.kind {
            DocumentKind::PackageJson => "the script",
            DocumentKind::Compose => "the service",
            DocumentKind::Dockerfile => "the image",
            DocumentKind::Shell => "the script",
        };
        findings.push(document.finding(
            card,
            span,
            format!("{place} runs `{words}`, which drops what its schema does not name"),
        ));
    }
    findings
}

/// The first match: its place and its words.
fn pushes(command: &Command<'_>) -> Option<(Span, String)> {
    let words = &command.words;
    if words.first().is_some_and(|(_, w)| matches!(*w, "echo" | "printf")) {
        return None;
    }
    words.iter().enumerate().find_map(|(n, (start, word))| {
        let (_, wanted) =
            PUSHES.iter().filter(|(program, _)| is_program(word, program)).find_map(|(p, wanted)| {
                let mut rest = words[n + 1..].iter();
                let last = wanted.iter().map(|w| rest.find(|(_, word)| word == w)).last().flatten()?;
                // `rest.find` gives up for good once a word is missing, so the last is found only if all are.
                Some((p, (last, wanted)))
            })?;
        let ((end, last), list) = wanted;
        let program = word.rsplit('/').next().unwrap_or(word);
        Some((Span::new(*start, end + last.len()), format!("{program} {}", list.join(" "))))
    })
}

/// `drizzle-kit`, `./node_modules/.bin/drizzle-kit`, `drizzle-kit@0.30`, `typeorm-ts-node-esm`.
fn is_program(word: &str, program: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    let name = name.split('@').next().unwrap_or(name);
    name == program || (program == "typeorm" && name.starts_with("typeorm-ts-node"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Input, judge};
    use crate::sql::Dialect;

    fn found(file: &str, text: &str) -> Vec<String> {
        let kind = DocumentKind::of(file).expect("a known kind");
        let documents = [Document::new(file, kind, text)];
        let findings = judge(&Input { documents: &documents, ..Input::new(Dialect::Postgres, &[]) });
        let line = |f: &Finding| {
            let place = f.place.as_ref().expect("it stands in a file");
            let allowed = f.allowed.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
            format!("{}:{} {}{allowed}", place.line, place.column, f.message.split('`').nth(1).unwrap_or(""))
        };
        findings.iter().map(line).collect()
    }

    #[test]
    fn package_scripts_are_read_and_nothing_else_of_the_file() {
        let text = r#"{
  "name": "app",
  "description": "we no longer run drizzle-kit push",
  "scripts": {
    "dev": "next dev",
    "db:push": "drizzle-kit push --config=drizzle.config.ts",
    "start": "prisma migrate deploy && prisma db push --accept-data-loss && node ."
  },
  "devDependencies": { "drizzle-kit": "^0.30.0" }
}"#;
        assert_eq!(found("package.json", text), ["6:17 drizzle-kit push", "7:40 prisma db push"]);
    }

    #[test]
    fn compose_commands_are_found_in_each_of_their_forms() {
        for (yaml, place) in [
            ("services:\n  a:\n    command: npx drizzle-kit push:pg\n", "3:18 drizzle-kit push:pg"),
            (
                "services:\n  a:\n    command: [\"npx\", \"prisma\", \"db\", \"push\"]\n",
                "3:23 prisma db push",
            ),
            (
                "services:\n  a:\n    entrypoint:\n      - npx\n      - prisma\n      - migrate\n      - reset\n      - --force\n",
                "5:9 prisma migrate reset",
            ),
            (
                "services:\n  a:\n    command: >\n      sh -c \"npx prisma\n      db push; node .\"\n",
                "4:18 prisma db push",
            ),
        ] {
            assert_eq!(found("docker-compose.yml", yaml), [place], "{yaml}");
        }
    }

    #[test]
    fn dockerfiles_and_shell_scripts_are_found_across_line_ends() {
        assert_eq!(
            found(
                "Dockerfile",
                "FROM node\nRUN npx prisma \\\n  generate\nCMD [\"sh\", \"-c\", \"npx prisma \\\n db push && node .\"]\n"
            ),
            ["4:23 prisma db push"]
        );
        assert_eq!(
            found(
                "entrypoint.sh",
                "#!/bin/sh\nset -e\n./node_modules/.bin/typeorm-ts-node-esm schema:sync -d ds.ts\nexec node .\n"
            ),
            ["3:1 typeorm-ts-node-esm schema:sync"]
        );
        assert_eq!(found("start.sh", "bundle exec rails db:schema:load\r\n"), ["1:13 rails db:schema:load"]);
    }

    #[test]
    fn migrations_comments_and_words_are_not() {
        for (file, text) in [
            (
                "package.json",
                r#"{"scripts": {"migrate": "drizzle-kit migrate && prisma migrate deploy", "push": "git push"}}"#,
            ),
            ("package.json", "{\"scripts\": {\"broken"),
            (
                "compose.yml",
                "services:\n  a:\n    # command: npx drizzle-kit push\n    command: npm run push\n",
            ),
            ("Dockerfile", "# RUN npx prisma db push\nRUN npx prisma generate\nRUN docker push x\n"),
            ("start.sh", "echo \"never run prisma db push here\"\ndrizzle-kit generate\ngit push\n"),
            ("start.sh", "drizzle-kit migrate; git push\n"),
        ] {
            assert_eq!(found(file, text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn an_allow_in_a_comment_before_it_or_behind_it_covers_it() {
        let before = "# cofferdam:allow push-plan throw-away database of the tests\nprisma db push\n";
        assert_eq!(found("test.sh", before), ["2:1 prisma db push (throw-away database of the tests)"]);
        let behind = "prisma db push # cofferdam:allow push-plan tests only\nprisma db push\n";
        assert_eq!(found("test.sh", behind), ["1:1 prisma db push (tests only)", "2:1 prisma db push"]);
        let reasonless = "# cofferdam:allow push-plan\nprisma db push\n";
        assert_eq!(found("test.sh", reasonless), ["2:1 prisma db push"]);
    }
}
