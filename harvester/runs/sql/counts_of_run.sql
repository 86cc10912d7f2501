-- The account of a run over all its parts.
SELECT
    key,
    sum(value::bigint)::bigint
FROM dinamis.run_part, jsonb_each_text(counts)
WHERE run = %(run)s
GROUP BY key;
