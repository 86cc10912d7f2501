-- What of an Item decides who may have it. No row: there is no such Item.
-- $1: the collection; $2: the Item.
SELECT
    st_asbinary(items.geometry) AS geometry,
    items.content -> 'properties' -> 'dinamis:view_collections' AS view_collections
FROM pgstac.items
WHERE items.collection = $1 AND items.id = $2;
