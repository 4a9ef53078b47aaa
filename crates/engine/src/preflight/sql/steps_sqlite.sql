-- Returns every step that is done: run, id, end and milliseconds; a shared lock. The row is
-- written when the step ends, so it does not say how long the step took.
select s.run_id, s.id, strftime('%Y-%m-%d %H:%M:%SZ', coalesce(s.ended_at, s.started_at)), null
from _cofferdam_step s
join _cofferdam_run r on r.id = s.run_id
where s.state = 'done' and r.command = 'migrate'
order by s.run_id, s.rowid
