-- Each record that a run took in, withdrew or refused, by outcome and id.
-- New and changed records are known as long as the ledger keeps the versions that the run wrote.
SELECT
    known.record,
    CASE WHEN before.state = 'active' OR (before.state IS NULL AND said.version > 1)
        THEN 'changed' ELSE 'new'
    END AS outcome,
    known.item,
    NULL AS reason
FROM dinamis.record_version AS said
    JOIN dinamis.source_record AS known ON known.id = said.record
    LEFT JOIN dinamis.record_version AS before
        ON before.record = said.record AND before.version = said.version - 1
WHERE said.run = %(run)s AND said.state = 'active'
UNION ALL
SELECT
    note.subject,
    note.kind,
    known.item,
    note.detail
FROM dinamis.run_note AS note
    JOIN dinamis.run ON run.id = note.run
    JOIN dinamis.feed ON feed.name = run.feed
    LEFT JOIN dinamis.source_record AS known
        ON known.source = feed.source AND known.record = note.subject
WHERE note.run = %(run)s AND note.kind IN ('withdrawn', 'quarantined')
ORDER BY outcome, record;
