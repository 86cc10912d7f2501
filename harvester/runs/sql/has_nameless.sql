-- Whether a run met a record that its source could neither deliver nor name: it may be any of those that were not seen.
SELECT EXISTS (
    SELECT FROM dinamis.source_record
    WHERE feed = %(feed)s AND state = 'quarantined' AND last_seen >= %(start)s AND starts_with(record, %(nameless)s)
);
