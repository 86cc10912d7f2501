-- The rebuilds of stereo sets that left months of satellites to do, as they were asked for; a rebuild is none of them
-- while anybody holds the advisory lock of one of its months.
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
