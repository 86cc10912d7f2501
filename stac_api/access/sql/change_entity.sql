-- Changes the state of an entity that is in one of some other states; else no row is changed.
UPDATE dinamis.entity
SET
    state = %(after)s,
    charter_version = coalesce(%(charter_version)s, charter_version),
    joined_at = CASE WHEN %(after)s = 'active' AND state <> 'suspended' THEN now() ELSE joined_at END,
    left_at = CASE WHEN %(after)s = 'left' THEN now() END
WHERE id = %(id)s AND state = any(%(before)s);
