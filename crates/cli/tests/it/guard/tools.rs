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
    let rows = "select (select count(*) from notes), (select count(body) from notes), (select count(*) from tags)";
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

#[test]
fn prisma_db_push_accept_data_loss_drops_nothing() {
    let Some(tool) = Tool::find("prisma") else { return };
    for major in majors() {
        let scene = guarded(major);
        let proxy = Proxy::start(scene.database.address());
        scene.project.write(
            "prisma/schema.prisma",
            "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n\
             model notes {\n  id Int @id @default(autoincrement())\n}\n",
        );
        scene.project.write(
            "prisma.config.mjs",
            "import { PrismaPg } from '@prisma/adapter-pg'\nimport { defineConfig } from 'prisma/config'\n\
             export default defineConfig({\n  experimental: { adapter: true }, engine: 'js', schema: 'prisma/schema.prisma',\n  \
             adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true }),\n})\n",
        );
        for line in ["db push --accept-data-loss --skip-generate", "db push --force-reset --skip-generate"] {
            let command = tool.command(&scene.project.path("")).args(line.split(' '));
            let pushed = command.env("DATABASE_URL", scene.database.url_through(&proxy)).any_status().run();
            let said = format!("{}{}", pushed.stdout, pushed.stderr);
            assert!(said.contains("cofferdam guard: ") && said.contains("refused"), "{line}: {pushed}");
            whole(&scene);
        }
    }
}
