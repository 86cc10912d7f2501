-- The processes that hold the advisory lock of a part of a run, and the latest heartbeat among them.
SELECT
    string_agg(DISTINCT worker, ', ') AS workers,
    max(heartbeat_at) AS heartbeat_at
FROM dinamis.run_part AS part
    JOIN pg_locks ON classid::bigint = part.run AND objid::bigint = part.part
WHERE part.run = %(run)s AND locktype = 'advisory' AND objsubid = 2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
