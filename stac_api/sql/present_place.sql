-- The present collection of a stereo set that was in another collection of stereo sets.
-- $1: the collection in which it is looked for; $2: the Item.
SELECT item.collection
FROM dinamis.item
INNER JOIN pgstac.collections AS present ON present.id = item.collection
INNER JOIN pgstac.collections AS former ON former.id = $1
WHERE item.id = $2 AND item.is_published AND item.collection <> former.id
    AND present.content -> 'summaries' ? 'stereo:mode'
    AND former.content -> 'summaries' ? 'stereo:mode';
