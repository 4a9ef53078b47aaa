"""What bench/scale feeds: files of a given size, folders of a given length, schemas of a given width.

Everything is written piece by piece, so that the measuring program itself stays small.
"""

import hashlib


def kinds(dialect):
    """By name: a title, and what writes a file of about that many bytes."""
    found = {
        "statements": ("many small statements", statements),
        "inserts": ("four huge INSERTs", inserts),
        "literal": ("one huge string", literal),
        "comments": ("comments, nested and in lines" if dialect == "postgres" else "comments", comments),
        "line": ("many small statements in one line", one_line),
    }
    if dialect == "postgres":
        found["body"] = ("one huge function body", body)
        found["copy"] = ("COPY .. FROM stdin, as pg_dump writes it (refused)", copy)
    return {kind: (title, lambda path, size, w=write: w(path, size, dialect)) for kind, (title, write) in found.items()}


def statements(path, size, dialect="postgres", apart=False):
    """A table for every two hundred rows; every row a statement."""
    with open(path, "w") as file:
        if apart:
            file.write("-- cofferdam:no-transaction\n")
        file.write("create table items (id bigint primary key, title text not null, body text);\n")
        number = 0
        while file.tell() < size:
            number += 1
            if number % 200 == 0:
                file.write(f"create table part_{number} (id bigint primary key, item bigint references items (id));\n")
            else:
                file.write(f"insert into items (id, title, body) values ({number}, 'title {number}', 'some text');\n")


def one_line(path, size, dialect):
    with open(path, "w") as file:
        file.write("create table items (id bigint primary key, title text not null, body text);")
        number = 0
        while file.tell() < size:
            number += 1
            file.write(f" insert into items (id, title, body) values ({number}, 'title {number}', 'some text');")


def inserts(path, size, dialect):
    with open(path, "w") as file:
        file.write("create table items (id bigint primary key, title text not null, body text);\n")
        number = 0
        for part in range(1, 5):
            file.write("insert into items (id, title, body) values\n")
            while file.tell() < size * part // 4:
                number += 1
                file.write(f"({number}, 'title {number}', 'some text'),\n")
            number += 1
            file.write(f"({number}, 'the last', null);\n")


def literal(path, size, dialect):
    with open(path, "w") as file:
        file.write("create table items (id bigint primary key, body text);\ninsert into items values (1, '")
        while file.tell() < size:
            file.write("A long text, with it''s quotes and lines.\n")
        file.write("');\n")


def comments(path, size, dialect):
    with open(path, "w") as file:
        file.write("create table items (id bigint primary key);\n")
        if dialect == "postgres":
            file.write("/* " * 5000 + " */" * 5000 + "\n")
        while file.tell() < size:
            file.write("-- A line that says why, and nothing that runs.\n/* and a block\n   of two lines */\n")
        file.write("create table others (id bigint primary key);\n")


def body(path, size, dialect):
    with open(path, "w") as file:
        file.write("create table items (id bigint, title text);\ncreate function load() returns void language plpgsql as $load$\nbegin\n")
        number = 0
        while file.tell() < size:
            number += 1
            file.write(f"  insert into items (id, title) values ({number}, 'title {number}');\n")
        file.write("end\n$load$;\n")


def copy(path, size, dialect):
    with open(path, "w") as file:
        file.write("create table items (id bigint, title text);\ncopy items (id, title) from stdin;\n")
        number = 0
        while file.tell() < size:
            number += 1
            file.write(f"{number}\ttitle {number}\n")
        file.write("\\.\n")


def folder(path, count, tool, made=True):
    """A folder of small migrations; each makes a table of two columns, or asks for 1."""
    path.mkdir(exist_ok=True)
    for number in range(2, count + 2):
        write_one(path, number, tool, made)


def write_one(path, number, tool, made=True):
    sql = f"create table m{number} (id bigint primary key, body text not null);\n" if made else "select 1;\n"
    name, down = f"{20240000000000 + number}_m{number}.sql", f"drop table m{number};\n"
    if tool == "dbmate":
        (path / name).write_text(f"-- migrate:up\n{sql}\n-- migrate:down\n{down}")
    else:
        (path / name).write_text(sql)


def one_more(path, count):
    name = f"{20240000000000 + count + 1}_one_more"
    (path / f"{name}.sql").write_text("create table one_more (id bigint primary key);\n")
    (path / f"{name}.down.sql").write_text("drop table one_more;\n")


def hundred_more(path, count, tool):
    for number in range(count + 2, count + 102):
        write_one(path, number, tool)


def foreign_ledger(path, tool, dialect):
    """The ledger as the tool leaves it, with every file of the folder in it. The tables are not made: no tool looks."""
    files = sorted(path.glob("*.sql"))
    if tool == "dbmate":
        rows = ",\n".join(f"('{file.name.split('_')[0]}')" for file in files)
        column = "varchar(128)" if dialect == "sqlite" else "character varying"
        return f"create table schema_migrations (version {column} primary key);\ninsert into schema_migrations values\n{rows};\n"
    hexadecimal = "X'{}'" if dialect == "sqlite" else r"'\x{}'"
    rows = []
    for file in files:
        version, name = file.stem.split("_", 1)
        checksum = hexadecimal.format(hashlib.sha384(file.read_bytes()).hexdigest())
        rows.append(f"({version}, '{name}', now(), true, {checksum}, 1)".replace(
            "now()", "current_timestamp"))
    types = "blob" if dialect == "sqlite" else "bytea"
    stamp = "timestamp" if dialect == "sqlite" else "timestamptz"
    return (f"create table _sqlx_migrations (version bigint primary key, description text not null, "
            f"installed_on {stamp} not null default current_timestamp, success boolean not null, "
            f"checksum {types} not null, execution_time bigint not null);\n"
            f"insert into _sqlx_migrations values\n" + ",\n".join(rows) + ";\n")


def schema(path, count, dialect):
    with open(path, "w") as file:
        for number in range(1, count + 1):
            reference = ""
            if number > 1 and number % 4 == 0:
                reference = f" references t{number - 1} (id)"
            file.write(f"create table t{number} (id bigint primary key, parent bigint{reference}, title text not null, "
                       f"amount numeric(12,2) default 0 not null, made timestamp);\n"
                       f"create index t{number}_title on t{number} (title);\n")
            if dialect == "postgres":
                file.write(f"comment on table t{number} is 'table {number}';\n"
                           f"comment on column t{number}.title is 'what people read';\n")
