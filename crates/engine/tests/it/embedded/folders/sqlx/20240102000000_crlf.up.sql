create table crlf (id integer primary key);
