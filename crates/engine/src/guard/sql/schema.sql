-- Makes the guard's own schema and tables unless they are there. Returns nothing; locks only them.
create schema if not exists cofferdam_guard;
comment on schema cofferdam_guard is 'Guard of cofferdam against accidents. To leave: cofferdam guard remove.';

create table if not exists cofferdam_guard.state (
    key text primary key,
    value text not null
);

-- One row per run at work: `hash` is SHA-256 of what its session carries.
create table if not exists cofferdam_guard.permit (
    hash bytea primary key,
    fence bigint not null,
    pid integer not null,
    issued_at timestamptz not null default clock_timestamp(),
    expires timestamptz not null,
    grace interval not null
);

-- Windows for other tools; `role_name` null is every role.
create table if not exists cofferdam_guard.allowed (
    id bigint generated always as identity primary key,
    role_name text,
    reason text not null,
    actor text not null,
    opened_at timestamptz not null default clock_timestamp(),
    expires timestamptz not null,
    ended_at timestamptz
);

-- What stood before level `privileges` changed it.
create table if not exists cofferdam_guard.before (
    seq bigint generated always as identity primary key,
    kind text not null,
    object oid not null,
    name text not null,
    owner text not null,
    acl text[] not null,
    unique (kind, object)
);
