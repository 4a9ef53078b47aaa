-- Returns the table and one row's values as JSON, for every row, in key order; a read lock.
select 'notebooks', json_array(id, name), id as key, 0 as key2 from notebooks
union all
select 'notes', json_array(id, title, body, created_at), id, 0 from notes
union all
select 'note_tags', json_array(note_id, tag_id), note_id, tag_id from note_tags
order by 1, 3, 4
