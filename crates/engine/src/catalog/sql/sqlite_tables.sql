-- every table and view with its kind, WITHOUT ROWID and STRICT; a shared lock
select name, type, wr, strict from pragma_table_list
where schema = 'main' and name not like 'sqlite\_%' escape '\' and name not like '\_cofferdam\_%' escape '\'
order by name
