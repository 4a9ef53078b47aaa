-- Returns nothing that matters; takes no lock. What `discard all` does, except for the
-- prepared statements of our own client.
close all;
set session authorization default;
reset all;
-- `reset all` leaves the role alone: back to the one that the login is configured to act as.
reset role;
unlisten *;
select pg_advisory_unlock_all();
discard temp;
discard sequences;
