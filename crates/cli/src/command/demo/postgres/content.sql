-- Returns the table and one row's values as JSON, for every row, in key order; takes AccessShare.
select 'notebooks', json_build_array(id, name)::text, id as key, '' as key2 from notebooks
union all
select 'notes', json_build_array(id, title, body, extract(epoch from created_at))::text, id, '' from notes
union all
select 'note_tags', json_build_array(note_id, tag)::text, note_id, tag from note_tags
order by 1, 3, 4
