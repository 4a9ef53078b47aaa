-- +goose Up
create table users (id integer primary key);
-- +goose Down
drop table users;
