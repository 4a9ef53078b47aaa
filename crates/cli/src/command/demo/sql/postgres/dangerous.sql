-- Titles become unique.
create table notes_new (
  id bigint primary key,
  title text not null unique,
  body text not null
);
insert into notes_new (id, title, body) select id, title, body from notes on conflict do nothing;
drop table notes;
alter table notes_new rename to notes;
