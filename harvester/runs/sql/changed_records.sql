-- Those of these records that a run changed, or refused in place of what they say and is in force.
SELECT record
FROM dinamis.source_record
WHERE source = %(source)s AND record = ANY(%(records)s)
    AND (run = %(run)s OR (state = 'active' AND record = ANY(%(refused)s)));
