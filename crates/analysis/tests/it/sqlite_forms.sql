create table t (a, b int, c varchar(10, 2) not null default 'x''y', d text default "dq", e default foo,
  f int default -5, g default (1 + 2), h int generated always as (a * 2) stored, i as (a), j generated always as (b) virtual,
  "key" text, key2 text collate nocase references p (x) on delete cascade on update set null match full not deferrable initially deferred,
  constraint pk primary key (a, b desc) on conflict replace, unique (c) on conflict ignore check (a > 0) foreign key (a) references p);
create table key (desc text, key text, end int, replace int, "a b" int, [c d] int, `e f` int, 'g h' int) strict, without rowid;
create table x (a int constraint nn not null on conflict fail unique on conflict rollback primary key desc autoincrement);
create temp table if not exists main.y as select * from z;
create virtual table v using fts5(a, b, content='x', tokenize = "porter (x)");
create virtual table if not exists v2 using rtree;
create unique index if not exists main.i on t (a collate nocase desc, lower(b), c || 'x') where a is not null;
create view v (a, b) as with recursive c(n) as (values (1) union all select n + 1 from c limit 5) select * from c;
create temporary trigger if not exists tr after update of a, b on t for each row when new.begin > case when 1 then 2 end
begin
  update or ignore t set a = 1 from z where z.a = t.a;
  insert into t (a) select 1 where true on conflict (a) do update set a = excluded.a;
  replace into t values (1);
  delete from t where a = raise(ignore);
  select raise(abort, 'no') from t;
  with q as (select 1) select * from q;
end;
create trigger tr instead of delete on v begin select 1; end;
alter table t rename to u; alter table t rename column a to b; alter table t rename a to b; alter table t rename key to b; alter table t rename column to b; alter table t add column; alter table t drop column;
alter table t add column a int not null default 0; alter table t add a; alter table main.t drop column a; alter table t drop a;
alter table t add constraint c check (a > 0); alter table t add check (a > 0) on conflict ignore; alter table t drop constraint c;
alter table t alter column a set not null; alter table t alter a drop not null; alter table t alter a set not null on conflict fail;
alter table t alter column a type text; alter table t add constraint u unique (a); alter table t add column if not exists a int;
alter table t add constraint f foreign key (a) references p (b); alter table t add a int, add b int; alter table t add (a int, b int);
alter table if exists t add a int; alter table t drop column if exists a; alter table t drop column a cascade;
alter table t rename constraint a to b; alter index i rename to j; alter table t modify a int; alter table t alter a set default 1;
drop table x cascade; drop table if exists main.x; drop index x; drop view if exists v; drop trigger t; drop table a, b;
pragma foreign_keys = off; pragma main.foreign_keys(0); pragma journal_mode = delete; pragma user_version = -5; pragma x = on; pragma 'a' = 'b'; pragma table_info("t"); pragma y = +1.5;
begin; begin immediate; begin exclusive transaction; begin deferred transaction foo; commit; end transaction; rollback; rollback to a; rollback transaction to savepoint a; savepoint a; release a; release savepoint a; start transaction;
attach 'a' as b; attach database 'a' || 'b' as b key 'c'; detach b; detach database b; vacuum; vacuum main; vacuum into 'x'; vacuum main into 'x';
reindex; reindex a; reindex main.a; analyze; analyze a; analyze main.a; explain select 1; explain query plan select 1;
---
select 1, a.b, main.a.b, 'x', "y", [z], `w`, x'ab', null, true, current_timestamp, ?, ?1, :a, @b, $c, 1e5, .5, 0xff, 1_000, 5.;
select a b, c as d, e 'f', g "h", i key, j as [k], -a, not a, ~a, + a, not exists (select 1), exists (values (1));
select cast(a as varchar(10)), cast(b as int) || 'x', cast((select 1) as double precision), cast('' as );
select case a when 1 then 2 else 3 end, case when a then b end, case case 1 when 1 then 1 end when 2 then (select case when 1 then 1 end) end;
select count(*), count(distinct a), sum(all b), f(), f(a, b), group_concat(a, ',' order by b desc nulls last), g(a order by a) filter (where a > 1) over (partition by b order by c rows between 1 preceding and unbounded following exclude current row);
select a over, sum(a) over w, sum(b) over (w), row_number() over (order by a range current row), sum(c) over (groups between unbounded preceding and 2 following exclude ties) from t window w as (partition by a), w2 as (w order by b);
select window, filter, over from window; select * from t window; select * from t window where a;
select a in (1, 2), a not in (), a in (select 1), a in t, a not in main.t, a in f(1, 2), (a, b) in (values (1, 2)), a in (with q as (select 1) select * from q);
select a is null, a isnull, a notnull, a not null, a is not b, a is distinct from b, a is not distinct from b, a between 1 and 2 and c, a not between b and c or d;
select a like 'x', a not like 'x' escape '!', a glob b, a match b, a not regexp b, like(a, b), glob(a, b), replace(a, b, c), a -> 'b' ->> 'c', if(a, b, c), cast, raise, with from t;
select * , t.*, main.t from a, b join c on a.x = c.x left outer join d using (x, y) natural join e cross join f full join g on 1 right join h on (1) inner join (i join j) join (select 1) k on 1;
select * from (((a))), (select 1) as b, generate_series(1, 2) as c, pragma_table_info('t'), main.x indexed by i, y as z not indexed;
select distinct a from t where a group by a, b having count(*) > 1 order by a collate nocase desc nulls first, 2 limit 1 offset 2; select all a from t limit 1, 2;
select 1 union all select 2 union select 3 except values (4) intersect select 5 order by 1; values (1, 2), (3, 4); values (1) union values (2);
with a as (select 1), b (x, y) as materialized (select 1, 2), c as not materialized (select 1) select * from a, b, c; with with1 as (select 1) select 1; with recursive as (select 1) select 1;
select (((((1))))), (1, 2) = (select 1, 2), (select 1) + 2, - - - 1, a || b || c, a << 2 & 3 | 4 % 5; select -1 - -1; select 1--1
;
select a collate nocase, a collate "x" = b; select 'a' 'b'; select desc from t order by desc desc; select end from t; select case end when 1 then 2 end; select key, of, row, rows, first, last, no, action from t;
select "a""b", 'it''s', [a"b], `a``b`, "", ''; select rowid, oid, _rowid_ from t; select a.b.c.d from t; select 1 as select; select from t; select * t; select , ; select (1; select 1);
---
insert into t values (1, 'a'), (2, 'b'); insert into t default values; insert or ignore into main.t as q (a, b) select * from x; replace into t (a) values (1) returning *;
insert or replace into t select a from b on conflict do nothing; insert into t select a from b where true on conflict (a, b collate nocase) where a > 1 do update set (a, b) = (1, 2), c = excluded.c where d on conflict do nothing returning a as b, c d;
insert into t (a, a) values (1, 2); update t set a = 1, a = 2; insert into t values (1) on conflict do update set a = 1; insert or rollback into t values (1); insert or abort into t values (1); insert or fail into t values (1);
with q as (select 1) insert into t select * from q; with q as (select 1) update t set a = (select 1 from q); with q as (select 1) delete from t where a in q; with q as (select 1) replace into t select 1;
insert into t values (1) union select 2; insert into t values (1), (2) limit 1; insert into t with q as (select 1) select * from q; insert t values (1); insert into t set a = 1;
update t set a = 1; update or ignore t as q indexed by i set a = b + 1, (c, d) = (select 1, 2) from x join y on x.a = y.a where t.a = x.a returning a; update or replace t set 'a' = 1; update t not indexed set "a" = 1 where 1;
update t set a = 1 order by a limit 1; delete from t limit 1; delete from t; delete from main.t as q where q.a; delete from t indexed by i where a = 1 returning *; delete t; truncate t; update t a set a = 1; delete from t as q limit 1 offset 2;
grant select on t to x; set x = 1; create sequence s; create schema s; comment on table t is 'x'; create table t (a serial primary key, b timestamp with time zone default now()); create table t (a int default now());
create table t (a uuid default gen_random_uuid()); select a::int from t; select now() - interval '1 day'; create index concurrently i on t (a); create or replace view v as select 1; create table t (a int,); create table t ();
create table t (a int check a > 0); create function f() returns int; create table t (a int) engine = innodb; create index i on t using btree (a); select * from t for update; create table t like u; insert into t values (default);
create table t (a, a); create table t (a primary key, b primary key); create trigger t after insert on x begin insert into y values (1) end; create trigger t after insert on x begin end; create trigger t after truncate on x begin select 1; end;
