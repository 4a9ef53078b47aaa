//! The quick start, typed as it stands on the page: in an empty folder, and in projects as
//! Prisma, Drizzle, Django and nobody's tool leave them.
//!
//! The tools themselves make the projects and apply their first migration; `cargo xtask
//! fetch-tools` brings them, and without one its test says that it was skipped.

use cofferdam_testkit::proxy::Proxy;
use cofferdam_testkit::tools::{QUIET, Tool};
use cofferdam_testkit::{checkout, postgres};

use super::page::{Part, Section, document, sections};
use super::typist::Typist;
use crate::project::Project;
use crate::real::fresh::Fresh;

/// A project and its database, which is reached as on any machine: by a file, or a port.
struct Scene {
    project: Project,
    database: Fresh,
    proxy: Option<Proxy>,
}

impl Scene {
    fn new(database: Fresh) -> Self {
        let proxy = match &database {
            Fresh::Postgres(database) => Some(Proxy::start(database.address())),
            Fresh::Sqlite(_) => None,
        };
        Self { project: Project::new(), database, proxy }
    }

    fn url(&self) -> String {
        match (&self.database, &self.proxy) {
            (Fresh::Postgres(database), Some(proxy)) => database.url_through(proxy),
            _ => self.database.url(),
        }
    }

    /// Without the scheme, as output names it.
    fn shown(&self) -> String {
        self.url().replace("postgres://", "")
    }

    fn is_sqlite(&self) -> bool {
        self.proxy.is_none()
    }

    /// A reader whose database this is, where the page writes another.
    fn typist(&self) -> Typist<'_> {
        let path = self.database.programs().expect("pg_dump is there");
        let typist = Typist::new(&self.project).path(path);
        let typist = QUIET.iter().fold(typist, |typist, (name, value)| typist.env(name, *value));
        // npx asks nobody for news.
        let typist = typist.env("npm_config_offline", "true").env("npm_config_update_notifier", "false");
        let typist = typist.instead_of("postgres://app@localhost:5432/shop", &self.url());
        let typist = typist.instead_of("app@localhost:5432/shop", &self.shown());
        // The pages show what Postgres locks.
        if self.is_sqlite() { typist.without_reading() } else { typist }
    }

    /// The columns of a table, in their order.
    fn columns(&self, table: &str) -> String {
        let columns = if self.is_sqlite() {
            format!("select name from pragma_table_info('{table}') order by cid")
        } else {
            format!(
                "select attname from pg_attribute where attrelid = '\"{table}\"'::regclass and attnum > 0 order by attnum"
            )
        };
        self.database.sql(&columns).replace('\n', ",")
    }
}

/// What the project's tool does before anybody thinks of Cofferdam.
fn run(tool: &Tool, scene: &Scene, line: &str) {
    let command = tool.command(&scene.project.path("")).args(line.split(' '));
    command.env("DATABASE_URL", scene.url().replace("sqlite:", "file:")).run();
}

/// Runs `test` on SQLite and on the oldest and the newest Postgres.
fn on_every_database(test: impl Fn(Scene)) {
    test(Scene::new(Fresh::sqlite()));
    for major in postgres::majors() {
        let database = Fresh::postgres(major);
        if database.programs().is_some() {
            test(Scene::new(database));
        }
    }
}

fn part(heading: &str) -> Section {
    let sections = sections(&document("docs/quick-start-existing.md"));
    let found = sections.into_iter().find(|section| section.heading == heading);
    found.unwrap_or_else(|| panic!("the page has no part `{heading}`"))
}

#[test]
fn a_new_project_comes_to_its_first_migrations() {
    let whole = Section {
        heading: "a new project".to_owned(),
        parts: sections(&document("docs/quick-start-new.md")).into_iter().flat_map(|s| s.parts).collect(),
    };
    on_every_database(|scene| {
        let shown = if scene.is_sqlite() { scene.url() } else { scene.shown() };
        let typist = Typist::new(&scene.project)
            .instead_of(
                "export DATABASE_URL=sqlite:notes.db",
                &format!("export DATABASE_URL={}", scene.url()),
            )
            .instead_of("target: sqlite:notes.db", &format!("target: {shown}"));
        typist.follows(&whole);
        assert_eq!(scene.columns("notes"), "id,heading");
    });
}

#[test]
fn every_part_of_the_page_is_typed() {
    let sections = sections(&document("docs/quick-start-existing.md"));
    let typed: Vec<&str> = sections
        .iter()
        .filter(|section| section.commands().next().is_some())
        .map(|section| section.heading.as_str())
        .collect();
    assert_eq!(typed, ["Prisma", "Drizzle", "Django", "No migration tool"]);
}

#[test]
fn a_project_of_prisma_comes_to_migrate_and_prisma_agrees() {
    let Some(tool) = Tool::find("prisma") else { return };
    on_every_database(|scene| {
        let (provider, id, adapter) = if scene.is_sqlite() {
            ("sqlite", "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", LIBSQL)
        } else {
            ("postgresql", "SERIAL NOT NULL PRIMARY KEY", PG)
        };
        let init = format!("CREATE TABLE \"Note\" (\n    \"id\" {id},\n    \"title\" TEXT NOT NULL\n);\n");
        for (path, text) in [
            ("prisma/schema.prisma", SCHEMA_PRISMA.replace("postgresql", provider)),
            ("prisma/migrations/migration_lock.toml", format!("provider = \"{provider}\"\n")),
            ("prisma/migrations/20260101100000_init/migration.sql", format!("-- CreateTable\n{init}")),
            ("prisma.config.mjs", format!("import 'dotenv/config'\n{adapter}{PRISMA_CONFIG}")),
            (".env", format!("DATABASE_URL=\"{}\"\n", scene.url().replace("sqlite:", "file:"))),
        ] {
            scene.project.write(path, text);
        }
        run(&tool, &scene, "migrate deploy");
        scene.typist().follows(&part("Prisma"));
        assert_eq!(scene.columns("Note"), "id,title,colour");
        assert_eq!(scene.database.sql("select count(*) from _prisma_migrations"), "2");
    });
}

#[test]
fn a_project_of_drizzle_comes_to_migrate_and_drizzle_has_nothing_to_do() {
    let Some(tool) = Tool::find("drizzle-kit") else { return };
    // The page's schema is written for Postgres.
    on_every_database(|scene| {
        if scene.is_sqlite() {
            return;
        }
        scene.project.write("src/schema.ts", SCHEMA_DRIZZLE);
        scene.project.write("drizzle.config.ts", DRIZZLE_CONFIG);
        scene.project.write(".env", format!("DATABASE_URL={}\n", scene.url()));
        run(&tool, &scene, "generate --name init");
        run(&tool, &scene, "migrate");
        scene.typist().follows(&part("Drizzle"));
        assert_eq!(scene.columns("notes"), "id,title,colour");
        assert_eq!(scene.database.sql("select count(*) from drizzle.__drizzle_migrations"), "2");
    });
}

#[test]
fn a_project_of_django_comes_to_migrate_and_django_agrees() {
    let Some(tool) = Tool::find("django") else { return };
    on_every_database(|scene| {
        let database = match (&scene.database, &scene.proxy) {
            (Fresh::Postgres(database), Some(proxy)) => format!(
                "'ENGINE': 'django.db.backends.postgresql', 'NAME': '{}', 'USER': 'postgres', 'HOST': '127.0.0.1', 'PORT': {}",
                database.name(),
                proxy.port()
            ),
            _ => format!(
                "'ENGINE': 'django.db.backends.sqlite3', 'NAME': '{}'",
                scene.url().trim_start_matches("sqlite:")
            ),
        };
        let settings = format!(
            "SECRET_KEY = 'x'\nINSTALLED_APPS = ['notes']\nDATABASES = {{'default': {{{database}}}}}\n\
             DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n"
        );
        run(&tool, &scene, "startproject shop .");
        run(&tool, &scene, "startapp notes");
        scene.project.write("shop/settings.py", settings);
        scene.project.write("notes/models.py", MODELS);
        scene.project.write("bin/python", PYTHON);
        make_executable(&scene.project.path("bin/python"));
        let typist = scene
            .typist()
            .programs(scene.project.path("bin"))
            .env("PYTHONPATH", checkout::cache().join("tools/django/site"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        typist.follows(&typed("the clone", &["python manage.py makemigrations", "python manage.py migrate"]));
        typist.follows(&part("Django"));
        typist.follows(&typed("what Django says", &["python manage.py migrate --check"]));
        assert_eq!(scene.columns("notes_note"), "id,title,colour");
        assert_eq!(scene.database.sql("select count(*) from django_migrations"), "2");
    });
}

#[test]
fn a_database_of_nobodys_tool_comes_to_migrate() {
    on_every_database(|scene| {
        scene.database.sql("create table notes (id integer primary key, title text not null)");
        scene.database.sql("insert into notes values (1, 'One')");
        scene.typist().follows(&part("No migration tool"));
        assert_eq!(scene.columns("notes"), "id,title,colour");
        assert_eq!(scene.database.sql("select id, title from notes"), "1|One");
    });
}

/// What a reader types who does as told elsewhere.
fn typed(heading: &str, lines: &[&str]) -> Section {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    Section { heading: heading.to_owned(), parts: vec![Part::Type { lines, shown: None }] }
}

fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}

const SCHEMA_PRISMA: &str = "datasource db {
  provider = \"postgresql\"
  url      = env(\"DATABASE_URL\")
}

model Note {
  id    Int    @id @default(autoincrement())
  title String
}
";

const LIBSQL: &str = "import { PrismaLibSQL as Adapter } from '@prisma/adapter-libsql'
const options = { url: process.env.DATABASE_URL }
";

const PG: &str = "import { PrismaPg as Adapter } from '@prisma/adapter-pg'
const options = { connectionString: process.env.DATABASE_URL, allowExitOnIdle: true }
";

const PRISMA_CONFIG: &str = "import { defineConfig } from 'prisma/config'
export default defineConfig({
  experimental: { adapter: true },
  engine: 'js',
  schema: 'prisma/schema.prisma',
  adapter: async () => new Adapter(options),
})
";

const SCHEMA_DRIZZLE: &str = "import { pgTable, serial, text } from 'drizzle-orm/pg-core';

export const notes = pgTable('notes', {
  id: serial().primaryKey(),
  title: text().notNull(),
});
";

const DRIZZLE_CONFIG: &str = "import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './src/schema.ts',
  out: './drizzle',
  dbCredentials: { url: process.env.DATABASE_URL! },
});
";

const MODELS: &str = "from django.db import models


class Note(models.Model):
    title = models.TextField()
";

/// Python under the name that its projects use, also where it is only called python3.
const PYTHON: &str = "#!/bin/sh\nexec python3 \"$@\"\n";
