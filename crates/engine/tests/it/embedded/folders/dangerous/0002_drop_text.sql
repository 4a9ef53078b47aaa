-- nobody reads it
alter table notes drop column text;
