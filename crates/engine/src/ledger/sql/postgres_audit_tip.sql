-- Returns the newest audit entry's number and hash, the time now, and who logged in; AccessShare.
select (select seq from cofferdam.audit order by seq desc limit 1),
       (select hash from cofferdam.audit order by seq desc limit 1),
       to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       session_user::text
