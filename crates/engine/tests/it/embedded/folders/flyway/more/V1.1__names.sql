alter table users add column ${column} text;
