-- A run by its number.
SELECT
    id,
    feed,
    kind,
    request,
    state,
    started_at,
    finished_at,
    is_resumed,
    is_resumable,
    is_everything,
    active_before,
    error
FROM dinamis.run
WHERE id = %(run)s;
