-- The latest change of a collection, whatever it was; 0 before the first.
-- $1: the collection.
SELECT greatest(
    0,
    (SELECT max(item.change) FROM dinamis.item WHERE item.collection = $1),
    (SELECT max(tombstone.change) FROM dinamis.tombstone WHERE tombstone.collection = $1)
);
