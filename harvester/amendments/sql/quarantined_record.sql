-- A record in quarantine, and what it says.
SELECT
    known.source,
    known.record,
    known.feed,
    known.stage,
    known.reason,
    known.first_seen,
    known.last_seen,
    said.content
FROM dinamis.source_record AS known
    JOIN dinamis.record_version AS said ON said.record = known.id AND said.version = known.version
WHERE known.source = %(source)s AND known.record = %(record)s AND known.state = 'quarantined';
