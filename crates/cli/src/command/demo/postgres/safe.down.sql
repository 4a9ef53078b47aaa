drop index concurrently notes_archived;

alter table notes drop column archived_at;
