-- Give a part that is not done to a process; returns what is to be read, and how far it has come.
UPDATE dinamis.run_part SET
    holder = %(holder)s,
    worker = %(worker)s,
    heartbeat_at = now()
WHERE run = %(run)s AND part = %(part)s AND state = 'waiting'
RETURNING selection, cursor, pages, counts;
