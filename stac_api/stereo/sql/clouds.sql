-- The clouds of images as their masks show them, GeoJSON in WGS 84; one without cloud has an empty MultiPolygon.
-- $1, $2: the collections and the ids of the images, in the same order.
SELECT items.id, (items.private -> 'clouds')::text AS clouds
FROM unnest($1::text [], $2::text []) AS image (collection, id)
INNER JOIN pgstac.items ON items.collection = image.collection AND items.id = image.id
WHERE jsonb_typeof(items.private -> 'clouds') = 'object';
