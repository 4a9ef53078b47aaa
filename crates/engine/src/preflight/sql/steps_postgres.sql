-- Returns every step that is done: run, id, end and milliseconds; AccessShare.
select s.run_id, s.id,
       to_char(coalesce(s.ended_at, s.started_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
       greatest(extract(epoch from s.ended_at - s.started_at) * 1000, 0)::bigint
from cofferdam.step s
join cofferdam.run r on r.id = s.run_id
where s.state = 'done' and r.command = 'migrate'
order by s.run_id, s.started_at, s.id
