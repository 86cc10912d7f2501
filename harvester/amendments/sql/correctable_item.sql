-- An Item, and the feed of its first record; no feed for a stereo set, or if all are of other Items by now.
SELECT
    item.id,
    item.scene,
    item.collection,
    item.is_published,
    item.is_archive,
    item.created,
    known.feed
FROM dinamis.item
    LEFT JOIN dinamis.source_record AS known ON known.item = item.id
WHERE item.id = %(item)s
ORDER BY known.id
LIMIT 1;
