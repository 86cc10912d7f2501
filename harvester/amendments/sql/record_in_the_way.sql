-- A record that the ledger has under a new name of a feed already, or of another feed of the source that is called so.
SELECT record
FROM dinamis.source_record AS known
WHERE feed = %(present)s
    OR (
        source = %(source)s AND feed != %(former)s
        AND EXISTS (
            SELECT FROM dinamis.source_record AS same
            WHERE same.feed = %(former)s AND same.record = known.record
        )
    )
LIMIT 1;
