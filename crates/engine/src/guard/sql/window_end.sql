-- Ends the open windows; RowExclusive.
update cofferdam_guard.allowed set ended_at = clock_timestamp()
where ended_at is null and expires > clock_timestamp()
