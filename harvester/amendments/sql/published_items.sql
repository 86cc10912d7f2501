-- The next Items of images that should be in the catalogue, with their collections; those of sets have no acquisition.
SELECT
    id,
    collection
FROM dinamis.item
WHERE is_published
    AND scene IS NOT NULL
    AND id > %(last)s
    AND (%(collections)s::text [] IS NULL OR collection = ANY(%(collections)s))
ORDER BY id
LIMIT %(page)s;
