//! Diesel: `diesel.toml` names the folder; the database is that of `.env`. Source: Diesel's guide.

use std::path::Path;

use cofferdam_analysis::Error;

use super::{Settings, Tool, file, folder};

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    let Some(text) = file::text(root, "diesel.toml")? else { return Ok(Vec::new()) };
    let mut settings = Settings::of(Tool::Diesel, root, "diesel.toml");
    settings.dir = folder("migrations");
    match text.parse::<toml::Table>() {
        Ok(table) => {
            let said = table.get("migrations_directory").and_then(|section| section.get("dir")?.as_str());
            if let Some(dir) = said {
                settings.dir = folder(dir);
            }
        }
        Err(_) => settings.notes.push("diesel.toml is not valid TOML, and is not read".to_owned()),
    }
    Ok(vec![settings])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::project;

    #[test]
    fn the_folder_is_told() {
        for (text, dir) in [
            (
                "[print_schema]\nfile = \"src/schema.rs\"\n[migrations_directory]\ndir = \"./db/diesel\"\n",
                "db/diesel",
            ),
            ("", "migrations"),
            ("[", "migrations"),
        ] {
            let settings =
                read(project(&[("diesel.toml", text)]).path()).expect("readable").pop().expect("one");
            assert_eq!(settings.dir.as_deref(), Some(Path::new(dir)), "{text}");
        }
    }
}
