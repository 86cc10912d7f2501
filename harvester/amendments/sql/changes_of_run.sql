-- The next records that a run changed and no later run in force has, if they are not as they should be, with what each
-- is to say now. The runs are an array so that they are looked at before the versions, which most records do not need:
-- what a run in force wrote last is what is to be said.
SELECT
    known.id,
    known.record,
    known.feed,
    known.state,
    due.state AS due_state,
    due.digest,
    due.content,
    (
        SELECT min(version) FROM dinamis.record_version
        WHERE record_version.record = known.id
    ) AS oldest_version
FROM dinamis.source_record AS known
    LEFT JOIN LATERAL (
        SELECT * FROM dinamis.lasting_versions(NULL) AS lasting
        WHERE lasting.record = known.id
        ORDER BY version DESC
        LIMIT 1
    ) AS due ON true
WHERE known.run = ANY(%(run)s || ARRAY(SELECT run FROM dinamis.run_without_say))
    AND %(run)s = (
        SELECT lasting.run FROM dinamis.lasting_versions(%(run)s) AS lasting
        WHERE lasting.record = known.id
        ORDER BY version DESC
        LIMIT 1
    )
    AND due.version IS DISTINCT FROM known.version
    AND known.id > %(cursor)s
ORDER BY known.id
LIMIT %(size)s;
