-- Items by id, in some collections or in any, each as STAC, with the places of its held files.
SELECT
    content_hydrate(items),
    private -> 'assets'
FROM pgstac.items
WHERE id = ANY(%(names)s) AND (%(collections)s::text [] = '{}' OR collection = ANY(%(collections)s));
