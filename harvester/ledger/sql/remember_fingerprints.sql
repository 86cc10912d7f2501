-- Store the fingerprints by which a source can tell next time that these records did not change.
UPDATE dinamis.source_record AS known SET fingerprint = seen.fingerprint
FROM unnest(%(records)b::text [], %(fingerprints)b::text []) AS seen (record, fingerprint)
WHERE known.source = %(source)s AND known.record = seen.record
    AND known.fingerprint IS DISTINCT FROM seen.fingerprint;
