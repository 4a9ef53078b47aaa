//! Django: its settings are a program, and so are its migrations, a folder per app.

use std::path::Path;

use cofferdam_analysis::Error;

use super::{Settings, Tool};

pub(super) fn read(root: &Path) -> Result<Vec<Settings>, Error> {
    if !root.join("manage.py").is_file() {
        return Ok(Vec::new());
    }
    let mut settings = Settings::of(Tool::Django, root, "manage.py");
    settings.dir = app(root);
    Ok(vec![settings])
}

/// The migrations of the first app that has some, a level or two down.
fn app(root: &Path) -> Option<std::path::PathBuf> {
    let folders = |dir: &Path| {
        let entries = std::fs::read_dir(root.join(dir)).into_iter().flatten().flatten();
        let mut below: Vec<_> = entries
            .filter(|entry| entry.path().is_dir() && !entry.file_name().to_string_lossy().starts_with('.'))
            .map(|entry| dir.join(entry.file_name()))
            .collect();
        below.sort();
        below
    };
    let has = |app: &Path| root.join(app).join("migrations/__init__.py").is_file();
    let apps = folders(Path::new(""));
    let nested = apps.iter().filter(|app| !app.ends_with("node_modules")).flat_map(|app| folders(app));
    apps.iter().cloned().chain(nested).find(|app| has(app)).map(|app| app.join("migrations"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project_files::testing::project;

    #[test]
    fn an_apps_folder_is_found() {
        let root = project(&[("manage.py", ""), ("shop/orders/migrations/__init__.py", "")]);
        let settings = read(root.path()).expect("readable").pop().expect("one");
        assert_eq!(settings.dir.as_deref(), Some(Path::new("shop/orders/migrations")));
        assert!(read(project(&[("shop/migrations/__init__.py", "")]).path()).expect("readable").is_empty());
    }
}
