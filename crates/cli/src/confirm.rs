//! `--confirm`: the name of the database that is meant, typed.

use std::ffi::OsString;

use crate::context::Context;

/// The confirmation that a protected database asks for.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Confirm {
    /// The name of the database that is meant; a protected one asks for it
    #[arg(long, value_name = "DATABASE_NAME")]
    pub(crate) confirm: Option<String>,
}

impl Confirm {
    /// Hands it to the project.
    pub(crate) fn given_to(self, project: &mut cofferdam::Project, context: &Context) {
        project.protection.confirm = self.confirm;
        project.protection.again = Some(context.typed.clone());
    }
}

/// The command line as it can be shown and typed again: quoted for a shell, without a
/// confirmation, and without a URL, which may hold a password.
pub(crate) fn typed(argv: &[OsString]) -> String {
    let mut words = vec!["cofferdam".to_owned()];
    let mut rest = argv.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = rest.next() {
        match word.split_once('=').map_or((&*word, None), |(name, value)| (name, Some(value))) {
            ("--confirm", None) => _ = rest.next(),
            ("--confirm", Some(_)) => {}
            (name @ ("--database-url" | "--scratch-url"), value) => {
                let value = value.map(str::to_owned).or_else(|| rest.next().map(Into::into));
                words.push(name.to_owned());
                words.push(shown(&value.unwrap_or_default()));
            }
            _ => words.push(quoted(&word)),
        }
    }
    words.join(" ")
}

/// A URL as it may be shown.
fn shown(url: &str) -> String {
    let safe = ["env:", "file:", "sqlite:"].iter().any(|scheme| url.starts_with(scheme));
    if safe && !url.contains('@') { quoted(url) } else { "URL".to_owned() }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-.,+:@%/=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_was_typed_without_confirmation_and_without_secrets() {
        for (argv, shown) in [
            (&["/bin/cofferdam", "migrate", "--env", "prod"][..], "cofferdam migrate --env prod"),
            (&["c", "rollback", "--confirm", "app", "0007"], "cofferdam rollback 0007"),
            (&["c", "rollback", "--confirm=app"], "cofferdam rollback"),
            (
                &["c", "--database-url", "postgres://u:pw@h/d", "migrate"],
                "cofferdam --database-url URL migrate",
            ),
            (&["c", "--database-url=postgres://u:pw@h/d", "migrate"], "cofferdam --database-url URL migrate"),
            (
                &["c", "migrate", "--database-url", "env:PROD_URL"],
                "cofferdam migrate --database-url env:PROD_URL",
            ),
            (
                &["c", "migrate", "--allow", "drop-table", "--reason", "nobody's left"],
                "cofferdam migrate --allow drop-table --reason 'nobody'\\''s left'",
            ),
        ] {
            let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
            assert_eq!(typed(&argv), shown);
        }
    }
}
