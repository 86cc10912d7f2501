-- The clouds of images as their masks show them, GeoJSON in WGS 84; one without cloud has an empty MultiPolygon.
SELECT id, (private -> 'clouds')::text
FROM pgstac.items
WHERE id = ANY(%(names)s) AND collection = ANY(%(collections)s) AND jsonb_typeof(private -> 'clouds') = 'object';
