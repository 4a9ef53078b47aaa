-- migrate:up transaction:false
create table users (id integer primary key);
-- migrate:down
drop table users;
