-- Titles become unique.
create table notes_new (
  id integer primary key,
  title text not null unique,
  body text not null
);
insert or ignore into notes_new (id, title, body) select id, title, body from notes;
drop table notes;
alter table notes_new rename to notes;
