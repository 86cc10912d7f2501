-- Records that the ledger itself has told to be the next ones are noted by their numbers, without looking for their ids.
DROP FUNCTION dinamis.note_unread(text, text, text [], timestamptz);
CREATE FUNCTION dinamis.note_unread(
    feed_name text, source_name text, names text [], numbers bigint [], now timestamptz
) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    WITH unread AS (
        SELECT id, feed = feed_name AND absent_since IS NULL AS is_as_it_was
        FROM dinamis.source_record
        WHERE source = source_name AND record = ANY(names) AND state = 'active'
        UNION ALL
        SELECT id, feed = feed_name AND absent_since IS NULL AS is_as_it_was
        FROM dinamis.source_record
        WHERE source = source_name AND id = ANY(numbers) AND state = 'active'
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
COMMENT ON FUNCTION dinamis.note_unread IS 'Notes that records, by their ids or their numbers, are there as they were; gives how many of them are active, which all should be.';
REVOKE ALL ON FUNCTION dinamis.note_unread FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dinamis.note_unread TO dinamis_harvest;
