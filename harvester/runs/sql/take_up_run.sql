-- Resume a run that failed or was cancelled.
UPDATE dinamis.run SET
    state = 'running',
    error = NULL,
    finished_at = NULL,
    is_resumable = false,
    cancel_requested = false
WHERE id = %(run)s AND state IN ('failed', 'cancelled');
