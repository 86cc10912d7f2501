-- Those of these records that a run changed, or refused while an older version is in force.
SELECT record
FROM dinamis.source_record
WHERE source = %(source)s AND record = ANY(%(records)s)
    AND (run = %(run)s OR (state = 'active' AND record = ANY(%(refused)s)));
