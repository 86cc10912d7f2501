-- Store what records say, each as a new version, and their new state; returns the numbers of the versions.
WITH said AS (
    SELECT * FROM unnest(
        %(records)b::text [],
        %(states)b::text [],
        %(stages)b::text [],
        %(reasons)b::text [],
        %(digests)b::bytea [],
        %(items)b::text [],
        %(fingerprints)b::text [],
        %(contents)b::bytea [],
        %(seen)b::boolean []
    ) AS said (record, state, stage, reason, digest, item, fingerprint, content, is_seen)
),
kept AS (
    INSERT INTO dinamis.source_record AS known (
        source, record, feed, state, stage, reason, digest, fingerprint, item, run, first_seen, last_seen, last_changed
    )
    SELECT
        %(source)s,
        record,
        %(feed)s,
        state,
        stage,
        reason,
        digest,
        fingerprint,
        item,
        %(run)s,
        %(now)s,
        CASE WHEN is_seen THEN %(now)s ELSE '-infinity' END,
        %(now)s
    FROM said
    ON CONFLICT (source, record) DO UPDATE SET
        feed = excluded.feed,
        state = excluded.state,
        stage = excluded.stage,
        reason = excluded.reason,
        digest = excluded.digest,
        fingerprint = excluded.fingerprint,
        item = excluded.item,
        run = excluded.run,
        last_seen = greatest(known.last_seen, excluded.last_seen),
        last_changed = excluded.last_changed,
        absent_since = NULL,
        version = known.version + 1
    RETURNING id, record, version
)
INSERT INTO dinamis.record_version (record, version, run, stored_at, state, digest, content)
SELECT
    kept.id,
    kept.version,
    %(run)s,
    %(now)s,
    said.state,
    said.digest,
    said.content
FROM kept JOIN said USING (record)
RETURNING version;
