create view v as select id from users;
