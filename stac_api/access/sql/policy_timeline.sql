-- When each set that was, is or will be in force decides, one after the other.
SELECT
    id,
    digest,
    lower(valid) AS begins,
    upper(valid) AS ends
FROM dinamis.policy_set
WHERE state = 'active'
ORDER BY lower(valid);
