//! What `drizzle-kit push --force` and `prisma db push --accept-data-loss` really send.

use cofferdam_testkit::postgres::{Database, majors};
use cofferdam_testkit::proxy::Proxy;
use cofferdam_testkit::tools::Tool;

use super::Scene;
use crate::project::Project;

const NOTES: &str = "create table notes (id serial primary key, body text not null);
create table tags (id serial primary key, name text);
insert into notes (body) values ('a'), ('b'); insert into tags (name) values ('x');";

fn guarded(major: u32) -> Scene {
    let project = Project::new();
    project.write("migrations/0001_notes.sql", NOTES);
    let scene = Scene { project, database: Database::new(major) };
    scene.run("migrate").run();
    scene.run("guard install").run();
    scene
}

fn whole(scene: &Scene) {
    let rows =
        "select (select count(*) from notes), (select count(body) from notes), (select count(*) from tags)";
    assert_eq!(scene.database.psql(rows), "2|2|1");
}

#[test]
fn drizzle_kit_push_force_drops_nothing() {
    let Some(tool) = Tool::find("drizzle-kit") else { return };
    for major in majors() {
        let scene = guarded(major);
        let proxy = Proxy::start(scene.database.address());
        scene.project.write(
            "schema.js",
            "const { pgTable, serial } = require('drizzle-orm/pg-core');\n\
             module.exports.notes = pgTable('notes', { id: serial('id').primaryKey() });\n",
        );
        scene.project.write(
            "drizzle.config.js",
            "module.exports = { dialect: 'postgresql', schema: './schema.js', schemaFilter: ['public'], \
             dbCredentials: { url: process.env.DATABASE_URL } };\n",
        );
        let push = || {
            let command = tool.command(&scene.project.path("")).args(["push", "--force"]);
            command.env("DATABASE_URL", scene.database.url_through(&proxy)).any_status().run()
        };
        let pushed = push();
        let said = format!("{}{}", pushed.stdout, pushed.stderr);
        assert!(said.contains("cofferdam guard: ") && said.contains("refused"), "{pushed}");
        whole(&scene);
        // The team means it: through the window it does what it is told.
        scene.run("guard allow --for 5m --reason push --any-role").run();
        let pushed = push();
        assert!(!format!("{}{}", pushed.stdout, pushed.stderr).contains("refused"), "{pushed}");
        assert_eq!(scene.database.psql("select to_regclass('tags') is null"), "t", "{pushed}");
    }
}

/// A database without the column and the table that stand in the migrated one.
const LESS: &str = "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n\
    model notes {\n  id Int @id @default(autoincrement())\n}\n";
/// The migrated one.
const MORE: &str = "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n\
    model notes {\n  id Int @id @default(autoincrement())\n  body String\n}\n\
    model tags {\n  id Int @id @default(autoincrement())\n  name String?\n}\n";
/// The body becomes a number: `--accept-data-loss` drops the column and adds it anew.
const OTHER: &str = "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n\
    model notes {\n  id Int @id @default(autoincrement())\n  body Int?\n}\n\
    model tags {\n  id Int @id @default(autoincrement())\n  name String?\n}\n";

/// Prisma's push is its difference between the database and the schema, run statement by
/// statement. The difference is asked of Prisma itself; its engine for JavaScript drivers cannot
/// read a database that has tables (`Column type 'char' could not be deserialized`).
#[test]
fn what_prisma_db_push_accept_data_loss_sends_drops_nothing() {
    let Some(tool) = Tool::find("prisma") else { return };
    for major in majors() {
        let scene = guarded(major);
        scene.project.write("more.prisma", MORE);
        scene.project.write(
            "prisma.config.mjs",
            "import { PrismaPg } from '@prisma/adapter-pg'\nimport { defineConfig } from 'prisma/config'\n\
             export default defineConfig({\n  experimental: { adapter: true }, engine: 'js', schema: 'more.prisma',\n  \
             adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true }),\n})\n",
        );
        let proxy = Proxy::start(scene.database.address());
        for (name, schema, said) in
            [("less.prisma", LESS, "DROP COLUMN \"body\""), ("other.prisma", OTHER, "DROP COLUMN \"body\"")]
        {
            scene.project.write(name, schema);
            let line = format!(
                "migrate diff --from-schema-datamodel more.prisma --to-schema-datamodel {name} --script"
            );
            let diff = tool.command(&scene.project.path("")).args(line.split(' '));
            let sent = diff.env("DATABASE_URL", scene.database.url_through(&proxy)).run().stdout;
            assert!(sent.contains(said), "{sent}");
            for statement in sent.split(';').filter(|statement| statement.contains("DROP")) {
                let said = scene.said("postgres", statement);
                assert!(said.as_ref().is_some_and(super::Said::by_guard), "{statement}: {said:?}");
            }
        }
        whole(&scene);
    }
}
