-- Replace when and where acquisitions were taken according to their records: the first of each is stored here, the
-- others are copied in afterwards.
WITH gone AS (
    DELETE FROM dinamis.scene_moment
    WHERE scene = ANY(%(scenes)b::text [])
)
UPDATE dinamis.scene SET
    platform = said.platform,
    acquired_at = said.acquired_at,
    footprint = said.footprint
FROM unnest(
    %(scenes)b::text [],
    %(platforms)b::text [],
    %(moments)b::timestamptz [],
    %(footprints)b::bytea []
) AS said (scene, platform, acquired_at, footprint)
WHERE scene.id = said.scene;
