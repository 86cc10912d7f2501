-- The next records of a feed that are in force, those of an Item together.
SELECT
    item,
    record
FROM dinamis.source_record
WHERE feed = %(feed)s AND state = 'active' AND item > %(after)s
ORDER BY item
FETCH FIRST %(size)s ROWS WITH TIES;
