-- Note which records of a feed a run did not see, whatever the run before said of them.
-- Those below a place that it could not read, a folder or an archive, are left out: nobody looked there.
UPDATE dinamis.source_record SET absent_since = coalesce(absent_since, %(start)s)
WHERE feed = %(feed)s AND state != 'withdrawn' AND last_seen < %(start)s
    AND NOT EXISTS (
        SELECT FROM dinamis.sighting CROSS JOIN unnest(records) AS seen
        WHERE sighting.feed = source_record.feed AND seen_at >= %(start)s AND seen = source_record.id
    )
    AND NOT EXISTS (
        SELECT FROM string_to_array(source_record.record, '/') AS parts
            CROSS JOIN generate_series(1, cardinality(parts) - 1) AS depth
            JOIN dinamis.source_record AS place
                ON place.source = source_record.source AND place.record = array_to_string(parts[:depth], '/')
        WHERE place.state = 'quarantined' AND place.last_seen >= %(start)s
    );
