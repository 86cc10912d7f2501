-- Cancel a failed run, so that it is not resumed; returns its number if it had failed.
UPDATE dinamis.run SET
    state = 'cancelled',
    is_resumable = false
WHERE id = %(run)s AND state = 'failed'
RETURNING id;
