-- The caller: the person behind an API key, a login or a pseudonym, with capacities and signatures. At most one row.
-- $1: the id of the key, or null; $2, $3: the issuer and the subject of the login, or null; $4: the pseudonym, or null.
WITH asked AS (
    SELECT
        api_key.person,
        api_key.digest,
        api_key.scopes,
        api_key.revoked_at IS NULL AND api_key.expires_at > now() AS is_live,
        api_key.last_used_at IS NULL OR api_key.last_used_at < now() - INTERVAL '1 minute' AS is_use_news
    FROM dinamis.api_key
    WHERE api_key.id = $1
    UNION ALL
    SELECT person.id, NULL, NULL, TRUE, FALSE
    FROM dinamis.person
    WHERE (person.issuer = $2 AND person.subject = $3) OR person.pseudonym = $4
)

SELECT
    person.id AS person,
    person.pseudonym,
    person.is_operator AND person.state = 'active' AS is_operator,
    asked.digest,
    asked.scopes,
    asked.is_live,
    asked.is_use_news,
    (
        SELECT coalesce(jsonb_agg(to_jsonb(capacity)), '[]')
        FROM dinamis.capacities(person.id, now()) AS capacity
    ) AS capacities,
    (
        SELECT coalesce(jsonb_agg(to_jsonb(signed)), '[]')
        FROM (
            SELECT DISTINCT signature.licence, signature.version, signature.entity
            FROM dinamis.licence_signature AS signature
            WHERE signature.person = person.id
        ) AS signed
    ) AS signatures
FROM asked
INNER JOIN dinamis.person ON asked.person = person.id
WHERE person.state <> 'erased';
