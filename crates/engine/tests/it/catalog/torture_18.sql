-- What Postgres 18 adds.
create table app.modern (
  id int constraint "id must be" not null,
  at tstzrange not null,
  twice int generated always as (id * 2) virtual,
  n int not null no inherit,
  late int,
  constraint modern_pk primary key (id, at without overlaps),
  constraint sometimes check (n > 0) not enforced
);
alter table app.modern add constraint late_set not null late not valid;
create table app.refers (id int, at tstzrange,
  constraint in_time foreign key (id, period at) references app.modern (id, period at));
