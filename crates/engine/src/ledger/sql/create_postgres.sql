-- Creates the ledger, version 1. Returns nothing; locks only what it creates.
create schema cofferdam;
comment on schema cofferdam is 'Migration ledger of cofferdam. To leave: drop schema cofferdam cascade.';

create table cofferdam.meta (
    key text primary key,
    value text not null
);

-- One row for ever. `fence` stands in no key on purpose: raising it must not
-- conflict with the `for key share` that every running step holds on the row.
create table cofferdam.lease (
    only_row boolean primary key default true check (only_row),
    owner text,
    run_id bigint,
    fence bigint not null default 0,
    expires timestamptz,
    pid integer,
    backend_start timestamptz,
    progress text
);
insert into cofferdam.lease default values;

create table cofferdam.run (
    id bigint generated always as identity primary key,
    command text not null,
    plan text not null,
    state text not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    error text
);

create table cofferdam.audit (
    seq bigint primary key,
    at timestamptz not null,
    actor text not null,
    action text not null,
    detail text not null,
    prev bytea not null unique,
    hash bytea not null
);

create table cofferdam.migration (
    seq bigint primary key,
    source text not null,
    version text not null,
    name text not null,
    kind text not null,
    checksum bytea,
    foreign_checksum text,
    applied_at timestamptz not null,
    duration_ms bigint,
    run_id bigint,
    audit_seq bigint not null,
    unique (source, version)
);

create table cofferdam.step (
    run_id bigint not null references cofferdam.run (id),
    id text not null,
    statement_hash bytea not null,
    state text not null,
    xid text,
    pid integer,
    backend_start timestamptz,
    application_name text,
    started_at timestamptz not null,
    ended_at timestamptz,
    outcome text,
    primary key (run_id, id)
);

insert into cofferdam.meta (key, value) values
    ('ledger_version', '1'),
    ('database_id', gen_random_uuid()::text);
