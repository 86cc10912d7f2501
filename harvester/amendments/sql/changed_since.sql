-- The first records that a run changed and a later one changed again, and which run that was last.
SELECT DISTINCT
    known.record,
    latest.run
FROM dinamis.record_version AS changed
    JOIN dinamis.source_record AS known ON known.id = changed.record
    CROSS JOIN LATERAL (
        SELECT lasting.run FROM dinamis.lasting_versions(%(run)s) AS lasting
        WHERE lasting.record = known.id
        ORDER BY version DESC
        LIMIT 1
    ) AS latest
WHERE changed.run = %(run)s AND latest.run != %(run)s
ORDER BY known.record
LIMIT %(named)s;
