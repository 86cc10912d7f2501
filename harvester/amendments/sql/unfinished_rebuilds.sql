-- The rebuilds of stereo sets that left months of satellites to do, by request, except those of which a process holds
-- the advisory lock of a month.
SELECT
    request ->> 'platform' AS platform,
    (request ->> 'since')::date AS since,
    count(*) AS months
FROM dinamis.stereo_shard
GROUP BY request
HAVING NOT bool_or(
    hashtextextended('stereo shard ' || platform || ' ' || to_char(month, 'YYYY-MM-DD'), 0) IN (
        SELECT classid::bigint << 32 | objid::bigint
        FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
)
ORDER BY request;
