//! `cofferdam generate completions`: a script that a shell sources.

use clap_complete::Shell;
use cofferdam_analysis::Error;

use super::File;
use crate::arguments;

/// Print the script that completes commands and options in a shell
///
/// bash  source <(cofferdam generate completions bash)  in ~/.bashrc
/// zsh   source <(cofferdam generate completions zsh)   in ~/.zshrc, behind compinit
/// fish  cofferdam generate completions fish | source   in config.fish
///
/// Or write it once into the file that the shell looks for: _cofferdam in a folder
/// of $fpath, cofferdam in ~/.local/share/bash-completion/completions.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn make(args: &Args) -> Result<File, Error> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut arguments::parser(), arguments::PROGRAM, &mut text);
    let text = String::from_utf8(text).map_err(|_| Error::bug("the completions are not UTF-8 text"))?;
    Ok(File::new(name(args.shell), text))
}

/// As the shells look for it.
fn name(shell: Shell) -> &'static str {
    match shell {
        Shell::Zsh => "_cofferdam",
        Shell::Fish => "cofferdam.fish",
        Shell::PowerShell => "_cofferdam.ps1",
        Shell::Elvish => "cofferdam.elv",
        // The enum is clap's and may grow; bash's name is the program's.
        _ => "cofferdam",
    }
}
