create table a (id integer primary key)
--> statement-breakpoint
create table b (id integer primary key);
