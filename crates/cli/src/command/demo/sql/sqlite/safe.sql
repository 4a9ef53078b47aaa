-- Titles become unique: each note keeps its title, and gets a key that nobody shares.
alter table notes add column key text;
update notes
   set key = case when exists (select 1 from notes other where other.title = notes.title and other.id < notes.id)
                  then title || ' (' || id || ')' else title end
 where key is null;
create unique index notes_key on notes (key);
