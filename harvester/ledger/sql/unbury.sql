-- Delete the tombstones of Items that are back in the collection from which they were withdrawn.
DELETE FROM dinamis.tombstone
USING dinamis.item AS back
WHERE back.id = ANY(%(ids)b::text []) AND back.is_published
    AND tombstone.collection = back.collection AND tombstone.item = back.id;
