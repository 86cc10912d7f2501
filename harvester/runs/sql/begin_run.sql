-- Begin a run of a feed, and note how many active records the feed has; returns the number of the run.
INSERT INTO dinamis.run (feed, kind, request, state, is_everything, started_at, active_before)
VALUES (
    %(feed)s,
    %(kind)s,
    %(request)s,
    'running',
    %(is_everything)s,
    now(),
    (SELECT count(*) FROM dinamis.source_record WHERE feed = %(feed)s AND state = 'active')
)
RETURNING id;
