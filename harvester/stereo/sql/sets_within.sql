-- The stereo sets of satellites that begin within periods.
-- OFFSET 0 keeps the planner to the index on satellite and time; else it would compare every period with every set.
SELECT near.*
FROM unnest(%(platforms)s::text [], %(firsts)s::timestamptz [], %(lasts)s::timestamptz [])
    AS span (platform, first, last)
CROSS JOIN LATERAL (
    SELECT id, collection, platform, started_at, ended_at, views, suitability, digest
    FROM dinamis.stereo_set
    WHERE stereo_set.platform = span.platform AND started_at BETWEEN span.first AND span.last
    OFFSET 0
) AS near;
