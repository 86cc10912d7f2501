-- The collections of the Items that the active records of a feed belong to.
SELECT DISTINCT item.collection
FROM dinamis.source_record AS known
    JOIN dinamis.item ON item.id = known.item
WHERE known.feed = %(feed)s AND known.state = 'active';
