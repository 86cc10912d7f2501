-- All collections of the catalogue; for those of stereo sets, also the collections of the views and the modes.
SELECT
    collections.id,
    collections.content -> 'summaries' ? 'stereo:mode' AS holds_sets,
    coalesce(collections.content -> 'summaries' -> 'dinamis:view_collections', '[]') AS view_collections,
    coalesce(collections.content -> 'summaries' -> 'stereo:mode', '[]') AS modes
FROM pgstac.collections;
