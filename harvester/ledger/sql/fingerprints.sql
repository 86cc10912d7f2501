-- The fingerprints of those of these records of a source that are active.
SELECT
    record,
    fingerprint
FROM dinamis.source_record
WHERE source = %(source)s AND record = ANY(%(records)b::text [])
    AND state = 'active' AND fingerprint IS NOT NULL;
