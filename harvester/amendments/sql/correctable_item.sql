-- An Item, and the feed of the first record that told of it.
SELECT
    item.id,
    item.scene,
    item.collection,
    item.is_published,
    item.is_archive,
    item.created,
    known.feed
FROM dinamis.item
    JOIN dinamis.source_record AS known ON known.item = item.id
WHERE item.id = %(item)s
ORDER BY known.id
LIMIT 1;
