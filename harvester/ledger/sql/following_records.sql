-- Active records of a source that the ledger took in next after a given one, with their fingerprints and numbers.
-- The range of numbers is short, as a longer one might have to skip very many records of other sources.
WITH last AS MATERIALIZED (
    SELECT id FROM dinamis.source_record WHERE source = %(source)s AND record = %(record)s
)
SELECT
    fingerprint,
    record,
    id
FROM dinamis.source_record
WHERE id BETWEEN (SELECT id + 1 FROM last) AND (SELECT id + 2 * %(count)s FROM last)
    AND source = %(source)s AND state = 'active' AND fingerprint IS NOT NULL
ORDER BY id
LIMIT %(count)s;
