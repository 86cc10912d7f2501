-- A record that the ledger already has under the new name of a feed, or of another feed of the source of that name.
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
