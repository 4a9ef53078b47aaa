drop index notes_key;
alter table notes drop column key;
