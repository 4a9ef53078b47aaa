//! Prisma itself: its command with the schema engine that its adapters bring.

use super::{Migration, Predecessor, Scene};
use crate::real::Dialect;
use crate::real::fresh::Fresh;
use cofferdam_testkit::{Cofferdam, Output, postgres};

const PRISMA: Predecessor = Predecessor {
    program: "prisma",
    source: "prisma",
    folder: "prisma/migrations",
    ledger: "_prisma_migrations",
    rows: "select migration_name, checksum, logs, rolled_back_at, applied_steps_count, length(id),
               finished_at is not null, started_at <= finished_at
           from _prisma_migrations order by migration_name",
    migrations,
    apply,
    pending,
};

fn migrations(dialect: Dialect) -> Vec<Migration> {
    let (provider, id) = match dialect {
        Dialect::Postgres => ("postgresql", "SERIAL NOT NULL PRIMARY KEY"),
        Dialect::Sqlite => ("sqlite", "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT"),
    };
    let lock = format!("# Prisma's\nprovider = \"{provider}\"\n");
    let schema =
        format!("datasource db {{\n  provider = \"{provider}\"\n  url = env(\"DATABASE_URL\")\n}}\n");
    let notes = format!(
        "-- CreateTable\nCREATE TABLE \"Note\" (\n    \"id\" {id},\n    \"body\" TEXT NOT NULL\n);\n"
    );
    let rebuild = match dialect {
        Dialect::Postgres => "-- AlterTable\nALTER TABLE \"Note\" ADD COLUMN     \"byWhom\" INTEGER;\n",
        Dialect::Sqlite => {
            "-- RedefineTables\nPRAGMA defer_foreign_keys=ON;\nPRAGMA foreign_keys=OFF;\n\
             CREATE TABLE \"new_Note\" (\n    \"id\" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,\n    \
             \"body\" TEXT NOT NULL,\n    \"byWhom\" INTEGER\n);\n\
             INSERT INTO \"new_Note\" (\"body\", \"id\") SELECT \"body\", \"id\" FROM \"Note\";\n\
             DROP TABLE \"Note\";\nALTER TABLE \"new_Note\" RENAME TO \"Note\";\n\
             PRAGMA foreign_keys=ON;\nPRAGMA defer_foreign_keys=OFF;\n"
        }
    };
    vec![
        Migration::new(
            "0",
            &[
                ("prisma/migrations/0_init/migration.sql", &notes),
                ("prisma/migrations/migration_lock.toml", &lock),
                ("prisma/schema.prisma", &schema),
                ("prisma.config.mjs", config(dialect)),
            ],
        ),
        Migration::new(
            "20240103000000",
            &[("prisma/migrations/20240103000000_by/migration.sql", &rebuild.replace('\n', "\r\n"))],
        ),
        // Of the same second as one that is recorded already.
        Migration::new(
            "20240103000000_index",
            &[(
                "prisma/migrations/20240103000000_index/migration.sql",
                "-- CreateIndex\nCREATE INDEX \"Note_body_idx\" ON \"Note\"(\"body\");\n",
            )],
        ),
    ]
}

fn config(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => {
            "import { PrismaPg } from '@prisma/adapter-pg'\nimport { defineConfig } from 'prisma/config'\n\
             export default defineConfig({\n  experimental: { adapter: true }, engine: 'js', schema: 'prisma/schema.prisma',\n  \
             adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true }),\n})\n"
        }
        Dialect::Sqlite => {
            "import { PrismaLibSQL } from '@prisma/adapter-libsql'\nimport { defineConfig } from 'prisma/config'\n\
             export default defineConfig({\n  experimental: { adapter: true }, engine: 'js', schema: 'prisma/schema.prisma',\n  \
             adapter: async () => new PrismaLibSQL({ url: process.env.DATABASE_URL }),\n})\n"
        }
    }
}

fn prisma(scene: &Scene<'_>, line: &str) -> Cofferdam {
    let url = scene.url().replace("sqlite:", "file:");
    scene.tool.command(&scene.project.path("")).args(line.split(' ')).env("DATABASE_URL", url)
}

fn apply(scene: &Scene<'_>) -> Output {
    prisma(scene, "migrate deploy").run()
}

fn pending(scene: &Scene<'_>) -> bool {
    match prisma(scene, "migrate status").any_status().run() {
        output if output.code() == Some(0) => false,
        output if output.stdout.contains("have not yet been applied") => true,
        output => panic!("{output}"),
    }
}

// Prisma takes a second or more for each of its runs.
#[test]
fn prisma_hands_over_on_sqlite_and_sees_nothing_pending() {
    PRISMA.hands_over_on(Dialect::Sqlite, Fresh::sqlite);
}

#[test]
fn prisma_hands_over_on_the_newest_postgres_and_sees_nothing_pending() {
    let major = *postgres::majors().last().expect("a server to test with");
    PRISMA.hands_over_on_postgres(major);
}

#[test]
fn prisma_hands_over_on_the_oldest_postgres_and_sees_nothing_pending() {
    PRISMA.hands_over_on_postgres(postgres::majors()[0]);
}
