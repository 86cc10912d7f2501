-- Store Items, in this order, and where they are from now on; each new one is numbered as a change.
INSERT INTO dinamis.item (id, scene, collection, is_published, is_archive, created, updated, first_change, change)
SELECT
    kept.*,
    %(now)s,
    numbered.change,
    numbered.change
FROM unnest(
    %(ids)b::text [],
    %(scenes)b::text [],
    %(collections)b::text [],
    %(published)b::boolean [],
    %(archive)b::boolean [],
    %(created)b::timestamptz []
) AS kept (id, scene, collection, is_published, is_archive, created),
    -- The condition is always true: it makes each row take a number of its own.
    LATERAL (SELECT nextval('dinamis.change') AS change WHERE kept.id IS NOT NULL) AS numbered
ON CONFLICT (id) DO UPDATE SET
    scene = excluded.scene,
    collection = excluded.collection,
    is_published = excluded.is_published,
    is_archive = excluded.is_archive;
