-- what ANALYZE counted, by table; a shared lock
select tbl, stat from main.sqlite_stat1 order by tbl, idx is not null
