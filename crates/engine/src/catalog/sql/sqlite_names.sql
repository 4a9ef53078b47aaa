-- every name that an expression can mean; a shared lock
select name from main.sqlite_schema
union select c.name from main.sqlite_schema t, pragma_table_xinfo(t.name) c
where t.type in ('table', 'view') and t.name not like 'sqlite\_%' escape '\'
