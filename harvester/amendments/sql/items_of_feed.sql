-- The next Items that active records of a feed belong to.
SELECT DISTINCT item
FROM dinamis.source_record
WHERE feed = %(feed)s AND state = 'active' AND item > %(after)s
ORDER BY item
LIMIT %(size)s;
