-- Let names lead to acquisitions; one that is known already stays as it is.
INSERT INTO dinamis.scene_alias (key, scene)
SELECT * FROM unnest(%(keys)b::text [], %(scenes)b::text [])
ON CONFLICT (key) DO NOTHING;
