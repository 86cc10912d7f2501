-- Items that are in the catalogue though the ledger has none there, and whether it knows their ids.
SELECT
    items.collection,
    items.id,
    item.id IS NOT NULL AS is_known
FROM pgstac.items
    LEFT JOIN dinamis.item ON item.id = items.id
WHERE (item.id IS NULL OR NOT item.is_published OR item.collection != items.collection)
    AND (%(collections)s::text [] IS NULL OR items.collection = ANY(%(collections)s))
ORDER BY items.collection, items.id;
