-- The people that a name, an e-mail address or an id can mean, the earliest first.
SELECT
    id,
    name,
    email,
    issuer,
    subject,
    state,
    is_operator,
    created_at
FROM dinamis.person
WHERE id = %(id)s::uuid OR lower(email) = lower(%(text)s) OR lower(name) = lower(%(text)s)
ORDER BY created_at
LIMIT 20;
