-- Migration 12: every note gets a notebook, and names become unique.
create table notebooks_new (
    id integer primary key,
    name text not null unique
);
insert or ignore into notebooks_new select * from notebooks;
drop table notebooks;
alter table notebooks_new rename to notebooks;

create table notes_new (
    id integer primary key,
    notebook_id integer not null references notebooks on delete cascade,
    title text not null,
    body text not null,
    created_at text not null
);
insert or ignore into notes_new select * from notes;
drop table notes;
alter table notes_new rename to notes;
