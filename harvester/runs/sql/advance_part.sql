-- Store how far a part has come with a page, and its account, if the holder is still the same; returns whether the run
-- is to stop.
UPDATE dinamis.run_part SET
    cursor = %(cursor)s,
    pages = pages + 1,
    counts = %(counts)s,
    state = %(state)s,
    heartbeat_at = now()
FROM dinamis.run
WHERE run.id = run_part.run AND run = %(run)s AND part = %(part)s AND holder = %(holder)s
    AND run_part.state = 'waiting'
RETURNING cancel_requested OR run.state != 'running';
