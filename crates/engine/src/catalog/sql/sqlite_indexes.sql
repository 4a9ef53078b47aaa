-- the indexes of one table: name, unique, origin (c, u, pk); a shared lock
select name, "unique", origin from pragma_index_list(?1, 'main') order by name
