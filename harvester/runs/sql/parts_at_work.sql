-- The parts of running runs that a process works on: it holds the advisory lock of the numbers of run and part.
SELECT
    run.feed,
    run.kind,
    part.run,
    part.part,
    part.worker,
    part.heartbeat_at,
    coalesce((part.counts ->> 'read')::bigint, 0) AS read
FROM dinamis.run_part AS part
    JOIN dinamis.run ON run.id = part.run
WHERE run.state = 'running' AND part.worker IS NOT NULL
    AND EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 2 AND granted
            AND classid::bigint = part.run
            AND objid::bigint = part.part
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
ORDER BY part.run, part.part;
