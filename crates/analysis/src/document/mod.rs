//! Files beside the migrations that start or feed a database: package.json, compose
//! files, Dockerfiles, shell scripts. Read as words, never executed or resolved.

mod commands;

use std::sync::Arc;

pub use commands::Command;

use crate::card::Card;
use crate::finding::Finding;
use crate::place::{Lines, Span};

/// What a [`Document`] is, told from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// `package.json`.
    PackageJson,
    /// A compose file: YAML whose name begins with `compose` or `docker-compose`.
    Compose,
    /// A Dockerfile or Containerfile.
    Dockerfile,
    /// A shell script, or a Procfile.
    Shell,
}

impl DocumentKind {
    /// The kind of the file at `path`; `None` for what is not understood.
    pub fn of(path: &str) -> Option<DocumentKind> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
        let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
        let compose = name.contains("compose") && matches!(extension, "yml" | "yaml");
        match name.as_str() {
            "package.json" => Some(DocumentKind::PackageJson),
            "procfile" => Some(DocumentKind::Shell),
            _ if compose => Some(DocumentKind::Compose),
            _ if name.starts_with("dockerfile")
                || name.starts_with("containerfile")
                || extension == "dockerfile" =>
            {
                Some(DocumentKind::Dockerfile)
            }
            _ if matches!(extension, "sh" | "bash" | "zsh" | "ash") => Some(DocumentKind::Shell),
            _ => None,
        }
    }
}

/// A file that is no SQL.
#[derive(Debug, Clone)]
pub struct Document {
    /// As the user named it.
    pub file: String,
    /// What it is.
    pub kind: DocumentKind,
    /// Its content, BOM removed.
    pub text: Arc<str>,
    lines: Lines,
}

impl Document {
    /// Reads a document.
    pub fn new(file: &str, kind: DocumentKind, text: &str) -> Self {
        let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(text).into();
        Self { file: file.to_owned(), kind, lines: Lines::of(&text), text }
    }

    /// A finding of the rule of `card` at `span`.
    pub fn finding(&self, card: &Card, span: Span, message: impl Into<String>) -> Finding {
        let mut finding = Finding::new(card.id, card.severity, message, card.why);
        finding.place = Some(self.lines.place(&self.file, &self.text, span));
        finding.statement = Some(span.of(&self.text).to_owned());
        finding.help = Some(card.safe_form.to_owned());
        finding.text = Some(self.text.clone());
        finding
    }

    /// Every command it runs, as far as one can tell without running it.
    pub fn commands(&self) -> Vec<Command<'_>> {
        commands::read(self.kind, &self.text)
    }

    /// The reason of a `# cofferdam:allow RULE reason` behind `span` on its line or alone on
    /// the line before. JSON has no comments.
    pub fn allows(&self, rule: &str, span: Span) -> Option<String> {
        if self.kind == DocumentKind::PackageJson {
            return None;
        }
        let line_start = self.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].lines().next().unwrap_or("");
        let before = self.text[..line_start].lines().next_back().unwrap_or("").trim_start();
        let before = if before.starts_with('#') { before } else { "" };
        [line, before].into_iter().find_map(|line| {
            let (_, said) = line.split_once("# cofferdam:allow ")?;
            let (allowed, reason) = said.trim().split_once(char::is_whitespace)?;
            (allowed == rule).then(|| reason.trim().to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_from_names() {
        for (path, kind) in [
            ("web/package.json", Some(DocumentKind::PackageJson)),
            ("docker-compose.prod.yml", Some(DocumentKind::Compose)),
            ("compose.yaml", Some(DocumentKind::Compose)),
            ("deploy/Dockerfile", Some(DocumentKind::Dockerfile)),
            ("api.dockerfile", Some(DocumentKind::Dockerfile)),
            ("docker/entrypoint.sh", Some(DocumentKind::Shell)),
            ("package-lock.json", None),
            ("config.yml", None),
            ("0001_a.sql", None),
        ] {
            assert_eq!(DocumentKind::of(path), kind, "{path}");
        }
    }
}
