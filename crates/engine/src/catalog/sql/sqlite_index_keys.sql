-- the key of one index: column or null for an expression, descending; a shared lock
select name, "desc" from pragma_index_xinfo(?1, 'main') where key order by seqno
