-- Returns nothing that matters; takes no lock. What `discard all` does, except for the
-- prepared statements of our own client.
close all;
set session authorization default;
reset all;
unlisten *;
select pg_advisory_unlock_all();
discard temp;
discard sequences;
