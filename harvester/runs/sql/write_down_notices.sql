-- Record notices of runs; returns those not recorded before. A process that records the same waits for the other.
INSERT INTO dinamis.notice (run, kind, told_at)
SELECT DISTINCT
    run,
    kind,
    now()
FROM unnest(%(runs)s::bigint [], %(kinds)s::text []) AS told (run, kind)
ORDER BY run, kind
ON CONFLICT DO NOTHING
RETURNING run, kind;
