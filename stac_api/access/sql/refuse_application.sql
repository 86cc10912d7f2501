-- A référent or an operator refuses an applicant. No row: it is decided already.
-- $1: the application; $2: who refuses, null for an operator at the command line; $3: the reason, which the applicant
-- reads; $4: the login there, or null.
WITH refused AS (
    UPDATE dinamis.membership
    SET refused_by = $2::uuid, refused_at = now(), refusal = $3::text, valid = 'empty'
    WHERE id = $1::uuid AND confirmed_at IS NULL AND refused_at IS NULL
    RETURNING id, person, entity
),

noted AS (
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    SELECT
        $2::uuid,
        'membership.refuse',
        person::text,
        jsonb_strip_nulls(jsonb_build_object('entity', entity, 'login', $4::text))
    FROM refused
)

SELECT id FROM refused;
