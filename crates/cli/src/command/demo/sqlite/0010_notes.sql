-- The notes app as it began: a note may lie in a notebook, and may carry tags.
create table notebooks (
    id integer primary key,
    name text not null
);

create table notes (
    id integer primary key,
    notebook_id integer references notebooks on delete cascade,
    title text not null,
    body text not null,
    created_at text not null
);

create table tags (
    id integer primary key,
    name text not null unique
);

create table note_tags (
    note_id integer not null references notes (id) on delete cascade,
    tag_id integer not null references tags (id) on delete cascade,
    primary key (note_id, tag_id)
);

create index notes_by_notebook on notes (notebook_id, created_at);
