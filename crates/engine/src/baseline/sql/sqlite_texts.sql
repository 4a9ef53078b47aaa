-- Returns the table and the text of every object of the user, what stands on tables after them; no lock beyond a read.
select tbl_name, sql
from sqlite_schema
where sql is not null
  and name not like 'sqlite\_%' escape '\'
  and tbl_name not like '\_cofferdam\_%' escape '\'
  and name not like '\_cofferdam\_%' escape '\'
order by case type when 'table' then 0 when 'index' then 1 when 'view' then 2 else 3 end, rowid
