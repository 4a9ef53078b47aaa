create table tags (id integer primary key);
create index notes_author on notes (author);
