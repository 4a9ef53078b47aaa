-- 20000 notes. Every 40th is a quick note: without a notebook and without a title of its own.
insert into notebooks (name) values ('Inbox'), ('Work'), ('Home');

insert into notes (notebook_id, title, body, created_at)
select
    case when n % 40 > 0 then 1 + n % 3 end,
    case when n % 40 > 0 then 'Note ' || n else 'Untitled' end,
    'What I want to remember about ' || (n * 7919 % 10007) || '.',
    timestamptz '2026-01-01 00:00:00Z' + n * interval '1 minute'
from generate_series(1, 20000) as n;

insert into note_tags (note_id, tag)
select id, (array['todo', 'idea', 'later'])[1 + id % 3] from notes;
