-- When and why an Item left a collection in which it is not now.
-- $1: the collection; $2: the Item.
SELECT tombstone.withdrawn_at, tombstone.reason
FROM dinamis.tombstone
WHERE tombstone.collection = $1 AND tombstone.item = $2
    AND NOT EXISTS (
        SELECT FROM dinamis.item
        WHERE item.id = tombstone.item AND item.collection = tombstone.collection AND item.is_published
    );
