-- How many months of satellites a rebuild of stereo sets left to do, if nobody holds the advisory lock of one.
SELECT count(*)
FROM dinamis.stereo_shard
WHERE NOT EXISTS (
    SELECT FROM dinamis.stereo_shard AS held
        JOIN pg_locks
            ON (classid::bigint << 32 | objid::bigint)
            = hashtextextended('stereo shard ' || held.platform || ' ' || to_char(held.month, 'YYYY-MM-DD'), 0)
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
);
