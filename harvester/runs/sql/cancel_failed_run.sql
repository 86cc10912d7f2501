-- Let a run that failed not be resumed; gives its number where it did fail.
UPDATE dinamis.run SET
    state = 'cancelled',
    is_resumable = false
WHERE id = %(run)s AND state = 'failed'
RETURNING id;
