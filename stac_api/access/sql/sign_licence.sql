-- Signs a version of a licence, or returns the signature that it has already.
-- $1: the person; $2: the entity; $3, $4: licence and version; $5: digest of its text; $6: with what credential;
-- $7: on behalf of which entity, or null.
WITH signed AS (
    INSERT INTO dinamis.licence_signature (person, entity, licence, version, digest, method, on_behalf_of)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING
    RETURNING *
),

noted AS (
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    SELECT
        signed.person,
        'licence.sign',
        signed.entity::text,
        jsonb_build_object('licence', signed.licence, 'version', signed.version, 'signature', signed.id)
    FROM signed
)

SELECT signed.id, signed.signed_at, true AS is_new FROM signed
UNION ALL
SELECT signature.id, signature.signed_at, false
FROM dinamis.licence_signature AS signature
WHERE (signature.person, signature.entity, signature.licence, signature.version) = ($1, $2, $3, $4)
    AND signature.on_behalf_of IS NOT DISTINCT FROM $7;
