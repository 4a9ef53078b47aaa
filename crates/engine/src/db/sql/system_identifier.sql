-- One row: the number that names this cluster and its replicas. Takes no lock.
select system_identifier from pg_control_system()
