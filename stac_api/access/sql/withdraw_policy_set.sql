-- Makes a set that has not begun yet a draft again.
UPDATE dinamis.policy_set
SET state = 'draft', valid = NULL, activated_at = NULL, activated_by = NULL
WHERE id = %(id)s;
