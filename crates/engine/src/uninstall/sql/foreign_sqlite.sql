-- Returns type, name and table of everything that has to do with our tables, these among it; a
-- shared lock. Indexes that SQLite makes for keys have no text, and go with their table.
select type, name, tbl_name
from sqlite_schema
where (name like '\_cofferdam\_%' escape '\'
       or tbl_name like '\_cofferdam\_%' escape '\'
       or sql like '%\_cofferdam\_%' escape '\')
  and sql is not null
order by type, name
