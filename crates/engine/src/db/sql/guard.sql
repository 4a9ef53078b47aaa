-- One row: the limits now set for the transaction that is open, in milliseconds. Takes no lock.
select set_config('lock_timeout', $1, true),
       set_config('statement_timeout', $2, true),
       set_config('idle_in_transaction_session_timeout', $3, true),
       set_config('client_connection_check_interval', $4, true)
