-- saved on Windows: größer
alter table notes
  add column author varchar(100);
