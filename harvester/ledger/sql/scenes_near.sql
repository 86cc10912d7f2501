-- Known acquisitions of the same satellite within some seconds of each of these moments, with its position (from 0).
-- OFFSET 0 keeps the planner to the indexes on platform and time, where it would compare every moment with every scene
-- of the satellite.
WITH wanted AS MATERIALIZED (
    SELECT
        place,
        platform,
        acquired_at - gap AS earliest,
        acquired_at + gap AS latest
    FROM unnest(%(platforms)b::text [], %(moments)b::timestamptz [])
        WITH ORDINALITY AS moment (platform, acquired_at, place),
        make_interval(secs => %(gap)s) AS gap
)
SELECT
    place - 1,
    near.scene,
    near.footprint
FROM wanted
    CROSS JOIN LATERAL (
        SELECT
            told.scene,
            told.footprint
        FROM (
            SELECT id AS scene, platform, acquired_at, footprint FROM dinamis.scene
            UNION ALL
            SELECT scene, platform, acquired_at, footprint FROM dinamis.scene_moment
        ) AS told
        WHERE told.platform = wanted.platform AND told.acquired_at BETWEEN wanted.earliest AND wanted.latest
        OFFSET 0
    ) AS near;
