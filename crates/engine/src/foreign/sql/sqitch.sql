-- Returns change, project and script hash of every deployed change, in the order of deployment.
select change, project, script_hash from {table} order by committed_at
