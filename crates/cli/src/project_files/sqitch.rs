//! Sqitch: `sqitch.conf`, in the form of git's configuration. Source: sqitch-config(1).

use std::path::Path;

use cofferdam_analysis::Error;

use super::address::{Address, Text};
use super::{Settings, Tool, file, folder, ini};

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    let Some(text) = file::text(root, "sqitch.conf")? else { return Ok(Vec::new()) };
    let mut settings = Settings::of(Tool::Sqitch, root, "sqitch.conf");
    let lines = ini::lines(&text);
    let value = |section: &str, name: &str| ini::value(&lines, section, name).map(unquoted);
    let top = value("core", "top_dir").unwrap_or_default();
    settings.dir = value("core", "deploy_dir")
        .or_else(|| Some(format!("{top}/deploy")))
        .and_then(|dir| folder(dir.trim_start_matches("./").trim_start_matches('/')));
    let engine = value("core", "engine");
    if let Some(engine) = &engine {
        settings.set_dialect(engine);
    }
    let named = engine.and_then(|engine| value(&format!("engine \"{engine}\""), "target"));
    let target = value("core", "target").or(named);
    // A target is an address or the name of a section that has one.
    let uri = match target {
        Some(target) if target.contains(':') => Some(target),
        Some(name) => value(&format!("target \"{name}\""), "uri"),
        None => None,
    };
    settings.address = uri.map(|uri| Address::url(Text::literal(uri)));
    Ok(vec![settings])
}

fn unquoted(text: &str) -> String {
    text.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::{project, url};

    #[test]
    fn targets_by_address_and_by_name() {
        for (text, dir, expected) in [
            (
                "[core]\n\tengine = pg\n\t# top_dir = .\n[engine \"pg\"]\n\ttarget = db:pg:app\n",
                "deploy",
                Some("postgres:///app"),
            ),
            (
                "[core]\n\tengine = pg\n\ttop_dir = sql\n[engine \"pg\"]\n\ttarget = dev\n[target \"dev\"]\n\turi = db:pg://app@db/app\n",
                "sql/deploy",
                Some("postgres://app@db/app"),
            ),
            ("[core]\n\tengine = sqlite\n\ttarget = db:sqlite:notes.db", "deploy", Some("sqlite:notes.db")),
            ("[core]\n\tengine = pg", "deploy", None),
        ] {
            let settings =
                read(project(&[("sqitch.conf", text)]).path()).expect("readable").pop().expect("one");
            assert_eq!(settings.dir.as_deref(), Some(Path::new(dir)), "{text}");
            assert_eq!(url(&settings, "").as_deref(), expected, "{text}");
        }
    }
}
