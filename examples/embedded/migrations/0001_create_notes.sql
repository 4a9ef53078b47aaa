create table notes (id integer primary key, text varchar(200) not null);
