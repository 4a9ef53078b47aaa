-- every object with its stored text; a shared lock
select type, name, tbl_name, sql from main.sqlite_schema
where name not like '\_cofferdam\_%' escape '\' and tbl_name not like '\_cofferdam\_%' escape '\'
order by name
