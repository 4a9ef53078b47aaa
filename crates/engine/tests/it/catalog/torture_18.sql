-- What Postgres 18 adds.
create table app.modern (
  id int constraint "id must be" not null,
  room int4range,
  at tstzrange not null,
  twice int generated always as (id * 2) virtual,
  n int not null no inherit,
  late int,
  constraint modern_pk primary key (room, at without overlaps),
  constraint sometimes check (n > 0) not enforced
);
alter table app.modern add constraint late_set not null late not valid;
create table app.refers (room int4range, at tstzrange,
  constraint in_time foreign key (room, period at) references app.modern (room, period at));
