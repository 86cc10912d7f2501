-- How many Items of images should be in the catalogue.
SELECT count(*)
FROM dinamis.item
WHERE is_published
    AND scene IS NOT NULL
    AND (%(collections)s::text [] IS NULL OR collection = ANY(%(collections)s));
