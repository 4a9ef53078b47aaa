-- The notes app as it began: a note lies in a notebook, and may carry tags.
create table notebooks (
    id bigint generated always as identity primary key,
    name text not null
);

create table notes (
    id bigint generated always as identity primary key,
    notebook_id bigint references notebooks (id) on delete cascade,
    title text not null,
    body text not null,
    created_at timestamptz not null
);

create table note_tags (
    note_id bigint not null references notes (id) on delete cascade,
    tag text not null,
    primary key (note_id, tag)
);
