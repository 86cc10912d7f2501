-- Known acquisitions of the same satellite within some seconds of each of these moments, with the place of that one.
-- OFFSET 0 keeps the planner to the index on platform and time, where it would compare every moment with every scene
-- of the satellite.
SELECT
    wanted.place - 1,
    near.id,
    near.platform,
    near.acquired_at,
    near.footprint
FROM unnest(%(platforms)b::text [], %(moments)b::timestamptz [])
    WITH ORDINALITY AS wanted (platform, acquired_at, place)
    CROSS JOIN LATERAL (
        SELECT * FROM dinamis.scene
        WHERE scene.platform = wanted.platform
            AND scene.acquired_at BETWEEN wanted.acquired_at - %(gap)s * interval '1 second'
            AND wanted.acquired_at + %(gap)s * interval '1 second'
        OFFSET 0
    ) AS near
ORDER BY near.created, near.id COLLATE "C";
