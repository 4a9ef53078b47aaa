-- Creates the ledger, version 1. Returns nothing; needs the write lock.
create table _cofferdam_meta (
    key text primary key not null,
    value text not null
);
create table _cofferdam_lease (
    only_row integer primary key check (only_row = 1),
    owner text,
    run_id integer,
    fence integer not null default 0,
    expires text,
    pid integer,
    progress text
);
insert into _cofferdam_lease (only_row) values (1);
create table _cofferdam_run (
    id integer primary key,
    command text not null,
    plan text not null,
    state text not null,
    started_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    ended_at text,
    error text
);
create table _cofferdam_audit (
    seq integer primary key,
    at text not null,
    actor text not null,
    action text not null,
    detail text not null,
    prev blob not null unique,
    hash blob not null
);
create table _cofferdam_migration (
    seq integer primary key,
    source text not null,
    version text not null,
    name text not null,
    kind text not null,
    checksum blob,
    foreign_checksum text,
    applied_at text not null,
    duration_ms integer,
    run_id integer,
    audit_seq integer not null,
    unique (source, version)
);
create table _cofferdam_step (
    run_id integer not null references _cofferdam_run (id),
    id text not null,
    statement_hash blob not null,
    state text not null,
    started_at text not null,
    ended_at text,
    outcome text,
    primary key (run_id, id)
);
insert into _cofferdam_meta (key, value) values
    ('ledger_version', '1'),
    ('database_id', lower(hex(randomblob(16))));
