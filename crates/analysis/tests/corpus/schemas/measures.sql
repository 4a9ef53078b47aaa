create table stations (id integer primary key, name text not null, opened date);
create table readings (
    id bigint not null,
    station_id integer not null,
    taken_at timestamptz not null,
    value double precision
) partition by range (taken_at);
create table readings_2024 partition of readings for values from ('2024-01-01') to ('2025-01-01');
create table readings_2025 partition of readings for values from ('2025-01-01') to ('2026-01-01');
create index readings_taken_at on readings (taken_at);
create table readings_2023 (
    id bigint not null,
    station_id integer not null,
    taken_at timestamptz not null,
    value double precision
);
create materialized view daily as
    select date_trunc('day', taken_at) as day, count(*) as n from readings group by 1;
