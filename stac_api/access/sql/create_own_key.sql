-- Creates a key for a person. No row: the person has as many valid keys as allowed.
-- $1: the person; $2, $3: id and digest of the key; $4: scopes; $5: label; $6: when it expires; $7: how many at most.
WITH made AS (
    INSERT INTO dinamis.api_key (id, person, digest, scopes, label, expires_at)
    SELECT $2::text, $1::uuid, $3::bytea, $4::text [], $5::text, $6::timestamptz
    WHERE (
        SELECT count(*) FROM dinamis.api_key
        WHERE api_key.person = $1 AND api_key.revoked_at IS NULL AND api_key.expires_at > now()
    ) < $7
    RETURNING *
),

noted AS (
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    SELECT made.person, 'key.create', made.person::text, jsonb_build_object('key', made.id, 'scopes', made.scopes)
    FROM made
)

SELECT made.id, made.label, made.scopes, made.created_at, made.expires_at FROM made;
