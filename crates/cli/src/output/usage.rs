//! What is said when the command line itself cannot be understood.

use std::io::Write as _;

use clap::error::ErrorKind;
use cofferdam_analysis::Error;

use super::text::{self, Style};
use super::{Format, error as message, json};
use crate::exit::Exit;

/// Prints help, the version, or what is wrong with the command line.
pub(crate) fn report(error: &clap::Error, format: Format, command: &str, style: Style) -> Exit {
    match (error.kind(), format) {
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, _) => {
            // A reader that went away is no error.
            let _ = error.print();
            Exit::Done
        }
        (_, Format::Json) => {
            json::failure(command, &as_error(error, command).into());
            Exit::Usage
        }
        (ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, Format::Human) => {
            let _ = error.print();
            Exit::Usage
        }
        (_, Format::Human) => {
            let mut said = message::human(&as_error(error, command), true, style, 0);
            if let Some(usage) = usage(error) {
                said += &format!("\n{}\n", text::wrap(&usage, style.width).join("\n"));
            }
            let _ = std::io::stderr().lock().write_all(said.as_bytes());
            Exit::Usage
        }
    }
}

/// The paragraph that shows how the command is called.
fn usage(error: &clap::Error) -> Option<String> {
    let rendered = error.render().to_string();
    rendered.split("\n\n").map(str::trim).find(|part| part.starts_with("Usage:")).map(str::to_owned)
}

/// clap's message is a paragraph that begins with `error:`, then tips and the usage.
fn as_error(error: &clap::Error, command: &str) -> Error {
    let rendered = error.render().to_string();
    let mut paragraphs = rendered.split("\n\n").map(str::trim);
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "no command is given",
        _ => paragraphs
            .next()
            .and_then(|first| first.strip_prefix("error: "))
            .unwrap_or("the command line is wrong"),
    };
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: ")).map(str::to_owned);
    let help = if command.is_empty() {
        "cofferdam --help".to_owned()
    } else {
        format!("cofferdam {command} --help")
    };
    Error::invalid(message).hint(tip.unwrap_or_else(|| format!("see `{help}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn error(line: &str) -> Error {
        let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        as_error(&crate::arguments::parse(&argv).expect_err(line), "check")
    }

    #[test]
    fn the_message_is_one_sentence_and_the_tip_becomes_the_hint() {
        let unknown = error("c check --dilect sqlite");
        assert_eq!(unknown.message(), "unexpected argument '--dilect' found");
        assert_eq!(unknown.hint_text(), Some("a similar argument exists: '--dialect'"));
        let missing = error("c new");
        assert_eq!(missing.message(), "the following required arguments were not provided: <NAME>");
        assert_eq!(missing.hint_text(), Some("see `cofferdam check --help`"));
        assert_eq!(error("c").message(), "no command is given");
    }
}
