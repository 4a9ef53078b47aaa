-- Notes can be archived. The index is built while the application reads and writes.
alter table notes add column archived_at timestamptz;

create index concurrently notes_archived on notes (notebook_id, archived_at);
