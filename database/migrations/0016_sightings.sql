-- A record that is there as it was costs no row of its own any more: a page of them is one row.

CREATE TABLE dinamis.sighting (
    feed text NOT NULL,
    seen_at timestamptz NOT NULL,
    records bigint [] NOT NULL
);
COMMENT ON TABLE dinamis.sighting IS 'Records that were seen as they were, later than their own rows say; those of the last run that came to its end.';
COMMENT ON COLUMN dinamis.sighting.records IS 'Numbers of active records of the feed, none of them absent before.';
-- It is there for a day or so: compressing it takes longer than writing it.
ALTER TABLE dinamis.sighting ALTER COLUMN records SET STORAGE EXTERNAL;
CREATE INDEX sighting_feed_idx ON dinamis.sighting (feed, seen_at);
COMMENT ON COLUMN dinamis.source_record.last_seen IS 'When it was seen; a sighting may say later.';

GRANT SELECT, INSERT, UPDATE, DELETE ON dinamis.sighting TO dinamis_harvest;

CREATE FUNCTION dinamis.note_unread(feed_name text, source_name text, names text [], now timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    WITH unread AS (
        SELECT id, feed = feed_name AND absent_since IS NULL AS is_as_it_was
        FROM dinamis.source_record
        WHERE source = source_name AND record = ANY(names) AND state = 'active'
    ),
    back AS (
        UPDATE dinamis.source_record AS known SET last_seen = now, feed = feed_name, absent_since = NULL
        FROM unread WHERE known.id = unread.id AND NOT is_as_it_was
    ),
    noted AS (
        INSERT INTO dinamis.sighting (feed, seen_at, records)
        SELECT feed_name, now, array_agg(id ORDER BY id) FROM unread WHERE is_as_it_was HAVING count(*) > 0
    )
    SELECT count(*) FROM unread
$$;
COMMENT ON FUNCTION dinamis.note_unread IS 'Notes that records are there as they were; gives how many of them are active, which all should be.';

-- Of older sightings only those of records that were not seen since tell anything; in time that is none.
CREATE FUNCTION dinamis.settle_sightings(feed_name text, since timestamptz) RETURNS void
LANGUAGE sql VOLATILE AS $$
    UPDATE dinamis.source_record AS known SET last_seen = former.seen_at
    FROM (
        SELECT record, max(seen_at) AS seen_at
        FROM dinamis.sighting CROSS JOIN unnest(records) AS record
        WHERE feed = feed_name GROUP BY record HAVING max(seen_at) < since
    ) AS former
    WHERE known.id = former.record AND known.last_seen < former.seen_at;
    DELETE FROM dinamis.sighting WHERE feed = feed_name AND seen_at < since;
$$;
COMMENT ON FUNCTION dinamis.settle_sightings IS 'Forgets the sightings of a feed before a run, once that has come to its end.';

REVOKE ALL ON FUNCTION dinamis.note_unread, dinamis.settle_sightings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dinamis.note_unread, dinamis.settle_sightings TO dinamis_harvest;
