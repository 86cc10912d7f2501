-- End a run.
UPDATE dinamis.run SET
    state = %(state)s,
    error = %(error)s,
    is_resumable = %(is_resumable)s,
    finished_at = now()
WHERE id = %(run)s AND state = 'running';
