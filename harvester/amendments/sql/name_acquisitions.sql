-- Let acquisitions whose name holds that of their source be found under its new name too; they keep the old one.
INSERT INTO dinamis.scene_alias (key, scene)
SELECT DISTINCT
    %(present)s || substr(alias.key, length(%(former)s) + 1),
    alias.scene
FROM dinamis.source_record AS known
    JOIN dinamis.item ON item.id = known.item
    JOIN dinamis.scene_alias AS alias ON alias.scene = item.scene
WHERE known.feed = %(feed)s AND starts_with(alias.key, %(former)s || ' ')
ON CONFLICT (key) DO NOTHING;
