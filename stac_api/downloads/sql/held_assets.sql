-- Assets with the places of their copies, their roles, and what of their Item decides who may have them.
-- $1, $2, $3: the collections, Items and keys of the assets, in the same order.
SELECT
    asked.number,
    items.private -> 'assets' -> asked.key AS copies,
    own.asset -> 'href' AS href,
    -- pgSTAC stores apart what the Collection's item_assets say; assembling whole Items takes ten times as long.
    coalesce(own.asset -> 'roles', base.item -> 'assets' -> asked.key -> 'roles') AS roles,
    items.content -> 'properties' -> 'dinamis:view_collections' AS view_collections,
    st_asbinary(items.geometry) AS geometry
FROM unnest($1::text [], $2::text [], $3::text []) WITH ORDINALITY AS asked (collection, item, key, number)
INNER JOIN pgstac.items ON items.collection = asked.collection AND items.id = asked.item
CROSS JOIN LATERAL (SELECT items.content -> 'assets' -> asked.key AS asset) AS own
CROSS JOIN LATERAL (
    SELECT pgstac.collection_base_item(items.collection, (items.content ->> 'pgstac:base_item')::integer) AS item
) AS base
WHERE items.private -> 'assets' ? asked.key OR jsonb_typeof(own.asset) = 'object';
