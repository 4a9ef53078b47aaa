-- Returns what of select, insert and delete on the table $1 this role lacks, and the sequences of its serial columns that it may not use; AccessShare on catalogs.
select array_remove(array[
           case when not has_table_privilege($1, 'select') then 'select' end,
           case when not has_table_privilege($1, 'insert') then 'insert' end,
           case when not has_table_privilege($1, 'delete') then 'delete' end], null),
       array(select s.name
             from pg_attribute a
             cross join lateral (select pg_get_serial_sequence($1, a.attname) as name) s
             where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
               and s.name is not null and not has_sequence_privilege(s.name, 'usage'))
