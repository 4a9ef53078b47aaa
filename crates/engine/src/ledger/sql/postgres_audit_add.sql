-- Adds an audit entry; RowExclusive. Fails with 23505 when somebody else's came first.
insert into cofferdam.audit (seq, at, actor, action, detail, prev, hash)
values ($1, $2::text::timestamptz, $3, $4, $5, $6, $7)
