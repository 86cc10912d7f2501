-- The acquisitions that are known under these names.
SELECT
    key,
    scene.id,
    created
FROM dinamis.scene_alias
    JOIN dinamis.scene ON scene.id = scene_alias.scene
WHERE key = ANY(%(keys)b::text []);
