-- All collections of the catalogue; of those of stereo sets, the collections that the views of their sets are in.
SELECT
    collections.id,
    collections.content -> 'summaries' ? 'stereo:mode' AS holds_sets,
    coalesce(collections.content -> 'summaries' -> 'dinamis:view_collections', '[]') AS view_collections
FROM pgstac.collections;
