-- Runs by number, the newest first, with the account of each over all its parts.
SELECT
    run.id,
    run.feed,
    run.kind,
    run.request,
    run.state,
    run.started_at,
    run.finished_at,
    run.error,
    undone.undone_by,
    run.is_resumed,
    run.is_resumable,
    coalesce(done.counts, '{}') AS counts,
    parts.parts,
    parts.parts_done,
    parts.heartbeat_at
FROM dinamis.run
    LEFT JOIN dinamis.undone ON undone.run = run.id
    CROSS JOIN LATERAL (
        SELECT
            count(*) AS parts,
            count(*) FILTER (WHERE part.state = 'done') AS parts_done,
            max(heartbeat_at) AS heartbeat_at
        FROM dinamis.run_part AS part
        WHERE part.run = run.id
    ) AS parts
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(key, total) AS counts
        FROM (
            SELECT
                key,
                sum(value::bigint) AS total
            FROM dinamis.run_part AS part, jsonb_each_text(part.counts)
            WHERE part.run = run.id
            GROUP BY key
        ) AS summed
    ) AS done
WHERE run.id = ANY(%(runs)s)
ORDER BY run.id DESC;
