-- Returns 32 random hexadecimal digits; no lock.
select replace(gen_random_uuid()::text, '-', '')
