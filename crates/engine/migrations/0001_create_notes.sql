-- What the examples in the library's documentation embed.
create table notes (id integer primary key, text varchar(200) not null);
