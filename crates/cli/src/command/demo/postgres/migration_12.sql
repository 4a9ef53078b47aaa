-- Migration 12: names become unique.
create table notebooks_new (
    id bigint generated always as identity primary key,
    name text not null unique
);
insert into notebooks_new (name)
select name from notebooks on conflict do nothing;
drop table notebooks cascade;
alter table notebooks_new rename to notebooks;

create table notes_new (
    id bigint generated always as identity primary key,
    notebook_id bigint references notebooks (id) on delete cascade,
    title text not null unique,
    body text not null,
    created_at timestamptz not null
);
insert into notes_new (notebook_id, title, body, created_at)
select notebook_id, title, body, created_at from notes
on conflict do nothing;
drop table notes cascade;
alter table notes_new rename to notes;
