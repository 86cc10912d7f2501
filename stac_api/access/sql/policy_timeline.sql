-- When each past, present and future set is in force, in order of time.
SELECT
    id,
    digest,
    lower(valid) AS begins,
    upper(valid) AS ends
FROM dinamis.policy_set
WHERE state = 'active'
ORDER BY lower(valid);
