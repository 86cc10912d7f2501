-- Assets with where the copies of their files lie, what they are for, and what of their Item decides who may have them.
-- $1, $2, $3: the collections, Items and keys of the assets, in the same order.
SELECT
    asked.number,
    items.private -> 'assets' -> asked.key AS copies,
    whole.item -> 'assets' -> asked.key -> 'href' AS href,
    whole.item -> 'assets' -> asked.key -> 'roles' AS roles,
    whole.item -> 'properties' -> 'dinamis:view_collections' AS view_collections,
    st_asbinary(items.geometry) AS geometry
FROM unnest($1::text [], $2::text [], $3::text []) WITH ORDINALITY AS asked (collection, item, key, number)
INNER JOIN pgstac.items ON items.collection = asked.collection AND items.id = asked.item
-- Roles may stand in the Collection's item_assets alone.
CROSS JOIN LATERAL (SELECT pgstac.content_hydrate(items) AS item) AS whole
WHERE items.private -> 'assets' ? asked.key OR whole.item -> 'assets' ? asked.key;
