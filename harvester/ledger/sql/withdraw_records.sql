-- Note that records are gone, and why, as a new version of each; what they said stays.
WITH gone AS (
    UPDATE dinamis.source_record AS known SET
        state = 'withdrawn',
        stage = NULL,
        fingerprint = NULL,
        reason = wanted.reason,
        run = %(run)s,
        last_changed = %(now)s,
        version = known.version + 1
    FROM unnest(%(records)b::text [], %(reasons)b::text []) AS wanted (record, reason)
    WHERE source = %(source)s AND known.record = wanted.record
    RETURNING known.id, known.version
)
INSERT INTO dinamis.record_version (record, version, run, stored_at, state, digest, content)
SELECT
    gone.id,
    gone.version,
    %(run)s,
    %(now)s,
    'withdrawn',
    said.digest,
    said.content
FROM gone
    JOIN dinamis.record_version AS said ON said.record = gone.id AND said.version = gone.version - 1;
