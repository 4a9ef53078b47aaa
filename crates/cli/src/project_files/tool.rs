//! The tools that are known, and what this version does with their folders.

use cofferdam::folder::Format;

/// A migration tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tool {
    Alembic,
    Diesel,
    Dbmate,
    Django,
    Drizzle,
    Ecto,
    Flyway,
    Goose,
    GraphileMigrate,
    Knex,
    Prisma,
    Rails,
    Refinery,
    Sqitch,
    Supabase,
}

/// How the files of a tool's folder are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// By the rules of this format.
    As(Format),
    /// By what the files look like.
    Told,
    /// Not by this version.
    Not,
}

/// The lines under `[migrations]` for a tool whose migrations are programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Commands {
    /// Lists the migrations.
    pub(crate) list: &'static str,
    /// Prints the SQL of one, where the tool can.
    pub(crate) sql: Option<&'static str>,
}

impl Tool {
    /// As documents and machines write it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Tool::Alembic => "alembic",
            Tool::Diesel => "diesel",
            Tool::Dbmate => "dbmate",
            Tool::Django => "django",
            Tool::Drizzle => "drizzle",
            Tool::Ecto => "ecto",
            Tool::Flyway => "flyway",
            Tool::Goose => "goose",
            Tool::GraphileMigrate => "graphile-migrate",
            Tool::Knex => "knex",
            Tool::Prisma => "prisma",
            Tool::Rails => "rails",
            Tool::Refinery => "refinery",
            Tool::Sqitch => "sqitch",
            Tool::Supabase => "supabase",
        }
    }

    /// As its makers write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Tool::Alembic => "Alembic",
            Tool::Diesel => "Diesel",
            Tool::Dbmate => "dbmate",
            Tool::Django => "Django",
            Tool::Drizzle => "Drizzle",
            Tool::Ecto => "Ecto",
            Tool::Flyway => "Flyway",
            Tool::Goose => "goose",
            Tool::GraphileMigrate => "graphile-migrate",
            Tool::Knex => "Knex",
            Tool::Prisma => "Prisma",
            Tool::Rails => "Rails",
            Tool::Refinery => "Refinery",
            Tool::Sqitch => "Sqitch",
            Tool::Supabase => "Supabase",
        }
    }

    /// How its folder is read. The one place where tools and formats meet.
    pub(crate) fn reading(self) -> Reading {
        match self {
            // A time and a name, as in the native format.
            Tool::Supabase => Reading::Told,
            tool => Format::parse(tool.as_str()).map_or(Reading::Not, Reading::As),
        }
    }

    /// What asks the tool itself, for those whose migrations are programs. Sources: the
    /// tools' own references of their command lines; Rails and Knex print no SQL.
    pub(crate) fn commands(self) -> Option<Commands> {
        match self {
            Tool::Django => Some(Commands {
                list: "python manage.py showmigrations --plan",
                sql: Some("python manage.py sqlmigrate {app} {name}"),
            }),
            Tool::Alembic => Some(Commands {
                list: "alembic history",
                sql: Some("alembic upgrade {previous}:{name} --sql"),
            }),
            Tool::Rails => Some(Commands { list: "bin/rails db:migrate:status", sql: None }),
            Tool::Knex => Some(Commands { list: "npx knex migrate:list", sql: None }),
            Tool::Ecto => Some(Commands { list: "mix ecto.migrations", sql: None }),
            Tool::Diesel
            | Tool::Dbmate
            | Tool::Drizzle
            | Tool::Flyway
            | Tool::Goose
            | Tool::GraphileMigrate
            | Tool::Prisma
            | Tool::Refinery
            | Tool::Sqitch
            | Tool::Supabase => None,
        }
    }
}
