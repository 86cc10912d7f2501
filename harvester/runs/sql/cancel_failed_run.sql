-- Let a harvest that failed not be gone on with; gives its number where it did fail.
UPDATE dinamis.run SET
    state = 'cancelled',
    is_resumable = false
WHERE id = %(run)s AND kind = 'harvest' AND state = 'failed'
RETURNING id;
