-- Write down anew when and where records say that acquisitions were taken; all but the first of each are copied after.
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
