-- Revokes a key of a person, once. No row: the person has no such key.
-- $1: the person; $2: the id of the key.
WITH revoked AS (
    UPDATE dinamis.api_key SET revoked_at = now()
    WHERE api_key.person = $1 AND api_key.id = $2 AND api_key.revoked_at IS NULL
    RETURNING api_key.id
),

noted AS (
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    SELECT $1, 'key.revoke', $1::text, jsonb_build_object('key', revoked.id) FROM revoked
)

SELECT api_key.id FROM dinamis.api_key WHERE api_key.person = $1 AND api_key.id = $2;
