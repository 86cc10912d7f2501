-- All sets: the active ones in order of time, then the drafts by name.
SELECT
    id,
    state,
    lower(valid) AS begins,
    upper(valid) AS ends,
    document,
    digest,
    source_document,
    decided_on,
    approved_by,
    loaded_at,
    activated_at,
    activated_by
FROM dinamis.policy_set
ORDER BY state, lower(valid), id;
