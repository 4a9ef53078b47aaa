//! Where a project keeps its migrations.
//!
//! Folders of SQL are candidates; two of them are both named and neither is taken. Folders
//! of programs (Python, JavaScript, Ruby) never stand beside one of SQL, and are told apart
//! so that nobody writes SQL into them.

use std::path::{Path, PathBuf};

use cofferdam_analysis::Error;

use crate::project_files::{DotEnv, Settings, Tool};

/// Where migrations lie that may be anybody's.
const USUAL: [&str; 2] = ["migrations", "db/migrations"];

/// The customary folders of tools, seen from a project's root.
const CUSTOMARY: [(&str, Tool); 10] = [
    ("prisma/migrations", Tool::Prisma),
    ("drizzle", Tool::Drizzle),
    ("src/main/resources/db/migration", Tool::Flyway),
    ("db/migration", Tool::Flyway),
    ("supabase/migrations", Tool::Supabase),
    ("migrations/committed", Tool::GraphileMigrate),
    ("migrations/versions", Tool::Alembic),
    ("alembic/versions", Tool::Alembic),
    ("db/migrate", Tool::Rails),
    ("priv/repo/migrations", Tool::Ecto),
];

/// The folder that `new` makes when there is none.
pub(crate) const DEFAULT: &str = USUAL[0];

/// A folder, and whose it is where that can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) dir: PathBuf,
    pub(crate) tool: Option<Tool>,
}

/// The folders of a project.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// That of the migrations.
    pub(crate) folder: Option<Place>,
    /// Those that hold programs.
    pub(crate) programs: Vec<Place>,
}

/// The folders below `root`.
///
/// # Errors
/// `Invalid` naming both, when two could be meant: applying the wrong one cannot be taken back.
pub(crate) fn look(root: &Path, dotenv: &DotEnv) -> Result<Places, Error> {
    let settings = crate::project_files::read(root, dotenv);
    let mut places = Places::default();
    let mut found = Vec::new();
    for place in candidates(root, &settings) {
        match contents(&root.join(&place.dir)) {
            Contents::Programs => places.programs.push(place),
            contents => {
                // Files of SQL are not those of a tool whose migrations are programs.
                let tool = place.tool.filter(|tool| tool.commands().is_none());
                found.push((Place { tool, ..place }, contents));
            }
        }
    }
    let named = |found: &[(Place, Contents)]| -> Vec<String> {
        found.iter().map(|(place, _)| place.dir.display().to_string()).collect()
    };
    let all = named(&found);
    if found.len() > 1 {
        found.retain(|(_, contents)| *contents == Contents::Sql);
    }
    match (found.len(), all.len()) {
        (0, 0) => {}
        (1, _) => places.folder = found.pop().map(|(place, _)| place),
        (0, _) => return Err(ambiguous(&all)),
        _ => return Err(ambiguous(&named(&found))),
    }
    Ok(places)
}

/// Whose folder `dir` is, where the tools' files or custom say so.
pub(crate) fn owner(root: &Path, dotenv: &DotEnv, dir: &Path) -> Option<Tool> {
    let settings = crate::project_files::read(root, dotenv);
    let said = settings.iter().find(|s| s.dir.as_deref().is_some_and(|own| same(&root.join(own), dir)));
    let custom = || CUSTOMARY.iter().find(|(own, _)| same(&root.join(own), dir)).map(|(_, tool)| *tool);
    let tool = said.map(|settings| settings.tool).or_else(custom);
    tool.filter(|tool| tool.commands().is_none() || contents(dir) == Contents::Programs)
}

fn same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// The folders that are there: named by a tool's file, customary, usual; each once.
fn candidates(root: &Path, settings: &[Settings]) -> Vec<Place> {
    let said = settings.iter().filter_map(|s| Some((s.dir.clone()?, Some(s.tool))));
    let usual = USUAL.iter().map(|dir| (PathBuf::from(dir), None));
    let customary = CUSTOMARY.iter().filter(|(dir, tool)| customary_of(root, dir, *tool));
    let customary = customary.map(|(dir, tool)| (PathBuf::from(dir), Some(*tool)));
    let mut found: Vec<Place> = Vec::new();
    for (dir, tool) in usual.chain(customary).chain(said) {
        if !root.join(&dir).is_dir() {
            continue;
        }
        match found.iter_mut().find(|known| same(&root.join(&known.dir), &root.join(&dir))) {
            Some(known) => known.tool = known.tool.or(tool),
            None => found.push(Place { dir, tool }),
        }
    }
    // `migrations` itself holds nothing where a tool keeps its files in a folder of it.
    let nested = |place: &Place| {
        let sql = holds(&root.join(&place.dir), &["sql"]);
        let below = |other: &&Place| other.dir != place.dir && other.dir.starts_with(&place.dir);
        let kept = |other: &Place| !sql || contents(&root.join(&other.dir)) == Contents::Sql;
        found.iter().filter(below).any(|other| other.tool.is_some() && kept(other))
    };
    let (outer, mut found): (Vec<Place>, Vec<Place>) = found.clone().into_iter().partition(nested);
    found.retain(|place| !outer.contains(place));
    found
}

/// Whether a folder of that name is the tool's: some of the names are common words.
fn customary_of(root: &Path, dir: &str, tool: Tool) -> bool {
    let dir = root.join(dir);
    match tool {
        Tool::Drizzle => dir.join("meta/_journal.json").is_file(),
        Tool::Flyway => holds(&dir, &["sql"]),
        _ => true,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    Sql,
    Programs,
    Neither,
}

fn contents(dir: &Path) -> Contents {
    let below = || {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir())
    };
    // Prisma and Diesel keep a folder per migration.
    if holds(dir, &["sql"]) || below().any(|dir| holds(&dir, &["sql"])) {
        return Contents::Sql;
    }
    match holds(dir, &["py", "js", "ts", "mjs", "cjs", "rb", "exs"]) {
        true => Contents::Programs,
        false => Contents::Neither,
    }
}

/// Whether a file with one of these endings lies in the folder.
fn holds(dir: &Path, endings: &[&str]) -> bool {
    std::fs::read_dir(dir).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let path = entry.path();
            let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
            ending.is_some_and(|ending| endings.contains(&ending.as_str())) && !path.is_dir()
        })
    })
}

fn ambiguous(found: &[String]) -> Error {
    Error::invalid(format!("there are several migrations folders: {}", found.join(", ")))
        .hint("name the one you mean with --dir, or write `dir` under [migrations] in cofferdam.toml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn find(root: &Path) -> Result<Option<PathBuf>, Error> {
        look(root, &DotEnv::default()).map(|places| places.folder.map(|place| place.dir))
    }

    fn project(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        root
    }

    #[test]
    fn the_only_folder_is_found_even_when_empty_of_sql() {
        assert_eq!(find(project(&["README"]).path()).expect("one"), None);
        let empty = project(&["migrations/.keep"]);
        assert_eq!(find(empty.path()).expect("one"), Some("migrations".into()));
        let nested = project(&["db/migrations/1_a.sql"]);
        assert_eq!(find(nested.path()).expect("one"), Some("db/migrations".into()));
    }

    #[test]
    fn a_folder_of_programs_does_not_stand_beside_one_of_sql() {
        let both = project(&["migrations/0001_initial.py", "db/migrations/1_a.sql"]);
        assert_eq!(find(both.path()).expect("one"), Some("db/migrations".into()));
    }

    #[test]
    fn two_folders_are_named_and_none_is_chosen() {
        for files in [["migrations/1_a.sql", "db/migrations/1_a.sql"], ["migrations/x", "db/migrations/x"]] {
            let error = find(project(&files).path()).expect_err("two");
            assert!(error.message().contains("migrations, db/migrations"), "{}", error.message());
        }
    }

    #[test]
    fn the_customary_folders_are_found_with_their_tools() {
        for (files, dir, tool) in [
            (
                vec!["prisma/migrations/20260101000000_a/migration.sql"],
                "prisma/migrations",
                Some(Tool::Prisma),
            ),
            (vec!["drizzle/meta/_journal.json", "drizzle/0000_a.sql"], "drizzle", Some(Tool::Drizzle)),
            (
                vec!["src/main/resources/db/migration/V1__a.sql"],
                "src/main/resources/db/migration",
                Some(Tool::Flyway),
            ),
            (vec!["supabase/migrations/20260101000000_a.sql"], "supabase/migrations", Some(Tool::Supabase)),
            (
                vec!["migrations/committed/000001.sql", "migrations/current.sql"],
                "migrations/committed",
                Some(Tool::GraphileMigrate),
            ),
            (vec!["diesel.toml", "migrations/2026-01-01-000000_a/up.sql"], "migrations", Some(Tool::Diesel)),
            (vec!["sqitch.conf", "deploy/a.sql", "revert/a.sql"], "deploy", Some(Tool::Sqitch)),
        ] {
            let place = look(project(&files).path(), &DotEnv::default()).expect("one").folder.expect("one");
            assert_eq!((place.dir.as_path(), place.tool), (Path::new(dir), tool));
        }
        // Common words are nobody's folder without more.
        for file in ["drizzle/a.sql", "sql/a.sql", "deploy/a.sql", "db/migration/README"] {
            assert_eq!(find(project(&[file]).path()).expect("none"), None, "{file}");
        }
    }

    #[test]
    fn programs_are_told_apart() {
        for (files, dir, tool) in [
            (vec!["alembic.ini", "alembic/versions/a.py"], "alembic/versions", Some(Tool::Alembic)),
            (
                vec!["migrations/env.py", "migrations/versions/a.py"],
                "migrations/versions",
                Some(Tool::Alembic),
            ),
            (vec!["db/migrate/1_a.rb"], "db/migrate", Some(Tool::Rails)),
            (vec!["knexfile.js", "migrations/1_a.js"], "migrations", Some(Tool::Knex)),
            (vec!["manage.py", "shop/migrations/__init__.py"], "shop/migrations", Some(Tool::Django)),
            (vec!["migrations/1_a.ts"], "migrations", None),
        ] {
            let places = look(project(&files).path(), &DotEnv::default()).expect("one");
            assert_eq!(places.folder, None, "{files:?}");
            assert_eq!(places.programs, [Place { dir: dir.into(), tool }]);
        }
    }

    #[test]
    fn a_tools_folder_beside_another_is_named_too() {
        let files = ["prisma/migrations/1_a/migration.sql", "migrations/1_a.sql"];
        let error = find(project(&files).path()).expect_err("two");
        assert!(error.message().ends_with("migrations, prisma/migrations"), "{}", error.message());
    }
}
