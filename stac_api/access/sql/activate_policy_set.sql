-- Activates a draft for a period; an end of NULL means until further notice.
UPDATE dinamis.policy_set
SET
    state = 'active',
    valid = tstzrange(%(begins)s, %(ends)s),
    activated_at = clock_timestamp(),
    activated_by = %(by)s
WHERE id = %(id)s;
