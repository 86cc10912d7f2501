-- The earliest change of a collection at a time or later; null when there is none.
-- $1: the collection; $2: the time.
SELECT least(
    (SELECT min(item.change) FROM dinamis.item WHERE item.collection = $1 AND item.updated >= $2),
    (SELECT min(tombstone.change) FROM dinamis.tombstone WHERE tombstone.collection = $1 AND tombstone.withdrawn_at >= $2)
);
