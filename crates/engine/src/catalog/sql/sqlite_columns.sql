-- the columns of one table or view: name, type, not null, default, hidden; a shared lock
select name, type, "notnull", dflt_value, hidden from pragma_table_xinfo(?1, 'main')
where name not like '\_cofferdam\_%' escape '\'
order by cid
