-- The next records that a run changed last, and what each said before it.
-- The runs are an array, so that they are looked at before the versions are, of which most records need none.
SELECT
    known.id,
    known.record,
    known.feed,
    known.state,
    said.state AS state_before,
    said.digest,
    said.content,
    (
        SELECT min(version) FROM dinamis.record_version
        WHERE record_version.record = known.id
    ) AS oldest_version
FROM dinamis.source_record AS known
    LEFT JOIN LATERAL (
        SELECT * FROM dinamis.lasting_versions(%(run)s) AS lasting
        WHERE lasting.record = known.id AND lasting.run IS DISTINCT FROM %(run)s
        ORDER BY version DESC
        LIMIT 1
    ) AS said ON true
WHERE known.run = ANY(%(run)s || ARRAY(SELECT undone_by FROM dinamis.undone WHERE undone_by > %(run)s))
    AND %(run)s = (
        SELECT lasting.run FROM dinamis.lasting_versions(%(run)s) AS lasting
        WHERE lasting.record = known.id
        ORDER BY version DESC
        LIMIT 1
    )
    AND known.id > %(cursor)s
ORDER BY known.id
LIMIT %(size)s;
