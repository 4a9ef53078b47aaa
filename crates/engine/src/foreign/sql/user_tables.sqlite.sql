-- Returns the names of all tables but SQLite's own and ours.
select name from pragma_table_list
where schema = 'main' and type in ('table', 'virtual')
  and name not like 'sqlite\_%' escape '\' and name not like '\_cofferdam\_%' escape '\'
order by name
