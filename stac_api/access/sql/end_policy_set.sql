-- An active set ends at another time; NULL means that it goes on until further notice.
UPDATE dinamis.policy_set
SET valid = tstzrange(lower(valid), %(ends)s)
WHERE id = %(id)s;
