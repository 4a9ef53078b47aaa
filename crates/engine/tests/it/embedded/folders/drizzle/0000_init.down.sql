drop table b;
drop table a;
