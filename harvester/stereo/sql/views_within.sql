-- The images of satellites within periods.
-- OFFSET 0 keeps the planner to the index on satellite and time; else it would compare every period with every image.
SELECT near.*
FROM unnest(%(platforms)s::text [], %(firsts)s::timestamptz [], %(lasts)s::timestamptz [])
    AS span (platform, first, last)
CROSS JOIN LATERAL (
    SELECT
        item, scene, collection, is_archive, platform, acquired_at, footprint,
        azimuth, incidence, direction_source, cloud_cover, sun_azimuth, sun_elevation, gsd
    FROM dinamis.stereo_view
    WHERE stereo_view.platform = span.platform AND acquired_at BETWEEN span.first AND span.last
    OFFSET 0
) AS near;
