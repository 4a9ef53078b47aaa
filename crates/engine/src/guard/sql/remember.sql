-- Keeps what an object was before it was changed first; RowExclusive.
insert into cofferdam_guard.before (kind, object, name, owner, acl) values ($1, $2, $3, $4, $5)
on conflict (kind, object) do nothing
