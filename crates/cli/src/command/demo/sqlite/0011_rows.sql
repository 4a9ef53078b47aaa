-- 2000 notes. Every 40th was never put into a notebook, as happens with quick notes.
insert into notebooks (id, name) values (1, 'Inbox'), (2, 'Work'), (3, 'Home');

insert into tags (id, name) values (1, 'todo'), (2, 'idea'), (3, 'later');

with recursive n (id) as (select 1 union all select id + 1 from n where id < 2000)
insert into notes (id, notebook_id, title, body, created_at)
select
    id,
    case when id % 40 > 0 then 1 + id % 3 end,
    'Note ' || id,
    'What I want to remember about ' || (id * 7919 % 10007) || '.',
    datetime('2026-01-01', '+' || id || ' minutes')
from n;

insert into note_tags (note_id, tag_id) select id, 1 + id % 3 from notes;
