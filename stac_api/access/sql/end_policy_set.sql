-- Changes the end of an active set; NULL means until further notice.
UPDATE dinamis.policy_set
SET valid = tstzrange(lower(valid), %(ends)s)
WHERE id = %(id)s;
