-- The collections of stereo sets, with the modes of their sets and the collections of their images.
SELECT
    collections.id,
    coalesce(collections.content -> 'summaries' -> 'stereo:mode', '[]') AS modes,
    coalesce(collections.content -> 'summaries' -> 'dinamis:view_collections', '[]') AS view_collections
FROM pgstac.collections
WHERE collections.content -> 'summaries' ? 'stereo:mode'
ORDER BY collections.id;
