-- Known acquisitions of the same satellite within some seconds of each of these moments, with the place of that one.
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
    near.*
FROM wanted
    CROSS JOIN LATERAL (
        SELECT
            id,
            footprint
        FROM dinamis.scene
        WHERE platform = wanted.platform AND acquired_at BETWEEN earliest AND latest
        OFFSET 0
    ) AS near
UNION ALL
SELECT
    place - 1,
    near.*
FROM wanted
    CROSS JOIN LATERAL (
        SELECT
            scene,
            footprint
        FROM dinamis.scene_moment
        WHERE platform = wanted.platform AND acquired_at BETWEEN earliest AND latest
        OFFSET 0
    ) AS near;
