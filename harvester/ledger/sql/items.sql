-- Those of these Items that were ever made, including withdrawn ones, the oldest first.
SELECT
    id,
    scene,
    collection,
    is_published,
    is_archive,
    created
FROM dinamis.item
WHERE id = ANY(%(ids)b::text [])
ORDER BY created, id COLLATE "C";
