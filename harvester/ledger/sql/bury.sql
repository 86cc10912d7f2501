-- Note that Items have left their collections, and why; each is a change with a number of its own.
INSERT INTO dinamis.tombstone (collection, item, reason, withdrawn_at)
SELECT
    *,
    %(now)s
FROM unnest(%(collections)b::text [], %(items)b::text [], %(reasons)b::text [])
ON CONFLICT (collection, item) DO UPDATE SET
    reason = excluded.reason,
    withdrawn_at = excluded.withdrawn_at,
    change = excluded.change;
