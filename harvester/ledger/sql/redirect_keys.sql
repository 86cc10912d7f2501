-- Redirect names to other acquisitions.
UPDATE dinamis.scene_alias SET scene = present.scene
FROM unnest(%(keys)b::text [], %(scenes)b::text []) AS present (key, scene)
WHERE scene_alias.key = present.key;
