-- A run by its number.
SELECT
    id,
    feed,
    kind,
    request,
    state,
    started_at,
    is_resumed,
    is_resumable,
    cancel_requested,
    is_everything,
    active_before
FROM dinamis.run
WHERE id = %(run)s;
