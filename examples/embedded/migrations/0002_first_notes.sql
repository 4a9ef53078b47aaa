-- Long enough for another instance to see that it has to wait.
insert into notes (id, text)
with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 200000)
select n, 'note ' || n from numbers;
