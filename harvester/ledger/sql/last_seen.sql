-- When those of the given records of a source that the ledger holds were last seen.
-- Unchanged records are noted by sightings, not on their own rows.
SELECT
    record,
    greatest(last_seen, (
        SELECT max(seen_at) FROM dinamis.sighting
        WHERE sighting.feed = known.feed AND known.id = ANY(records)
    ))
FROM dinamis.source_record AS known
WHERE source = %(source)s AND record = ANY(%(records)b::text []);
