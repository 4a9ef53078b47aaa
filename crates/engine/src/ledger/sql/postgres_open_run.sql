-- Returns the newest run; AccessShare.
select id, command, state, error from cofferdam.run order by id desc limit 1
