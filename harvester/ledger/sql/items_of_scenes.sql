-- All Items of these acquisitions, including withdrawn ones, the oldest first.
SELECT
    id,
    scene,
    collection,
    is_published,
    is_archive,
    created
FROM dinamis.item
WHERE scene = ANY(%(scenes)b::text [])
ORDER BY created, id COLLATE "C";
