-- The digest, state and Item of those of the given records of a source that the ledger holds.
SELECT
    known.record,
    known.digest,
    known.state,
    item.id,
    item.collection
FROM dinamis.source_record AS known
    LEFT JOIN dinamis.item ON item.id = known.item
WHERE known.source = %(source)s AND known.record = ANY(%(records)b::text []);
