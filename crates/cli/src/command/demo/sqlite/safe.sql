-- Every note gets a notebook; those without one go to the Inbox.
pragma foreign_keys = off;

create table notes_new (
    id integer primary key,
    notebook_id integer not null references notebooks on delete cascade,
    title text not null,
    body text not null,
    created_at text not null
);

insert into notes_new (id, notebook_id, title, body, created_at)
select id, coalesce(notebook_id, 1), title, body, created_at from notes;

drop table notes;
alter table notes_new rename to notes;

create index notes_by_notebook on notes (notebook_id, created_at);

pragma foreign_key_check;
