-- sets, for this transaction, what server-printed texts depend on; returns nothing of use, takes no lock
select set_config('search_path', 'pg_catalog', true),
       set_config('datestyle', 'ISO, YMD', true),
       set_config('intervalstyle', 'postgres', true),
       set_config('timezone', 'UTC', true),
       set_config('bytea_output', 'hex', true),
       set_config('extra_float_digits', '1', true),
       set_config('quote_all_identifiers', 'off', true),
       set_config('standard_conforming_strings', 'on', true),
       -- The printing functions lock what they print; whoever has it locked must not make us hang.
       set_config('lock_timeout', '1000', true)
