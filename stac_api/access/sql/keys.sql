-- API keys, the latest first: of one person or, with null, of all; only those that can be used, or all.
SELECT
    api_key.id,
    api_key.person,
    person.name AS person_name,
    api_key.label,
    api_key.scopes,
    api_key.created_at,
    api_key.expires_at,
    api_key.revoked_at,
    api_key.last_used_at
FROM dinamis.api_key
INNER JOIN dinamis.person ON api_key.person = person.id
WHERE (%(person)s::uuid IS NULL OR api_key.person = %(person)s)
    AND (NOT %(live)s OR (api_key.revoked_at IS NULL AND api_key.expires_at > now()))
ORDER BY api_key.created_at DESC, api_key.id;
