-- The collections of the Items of the active records of a feed, and of those that a run changed or moved away.
SELECT item.collection
FROM dinamis.source_record AS known
    JOIN dinamis.item ON item.id = known.item
WHERE known.feed = %(feed)s AND known.state = 'active'
UNION
SELECT item.collection
FROM dinamis.source_record AS known
    JOIN dinamis.item ON item.id = known.item
WHERE known.run = %(run)s
UNION
SELECT collection FROM dinamis.item_move
WHERE run = %(run)s;
