-- The entity confirms that an applicant is one of its people. No row: there is nothing left to validate.
-- $1: the application; $2: the référent, null for an operator at the command line; $3: the login there, or null.
WITH validated AS (
    UPDATE dinamis.membership
    SET validated_by = $2::uuid, validated_at = now()
    WHERE id = $1::uuid AND validated_at IS NULL AND refused_at IS NULL
    RETURNING id, person, entity
),

noted AS (
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    SELECT
        $2::uuid,
        'membership.validate',
        person::text,
        jsonb_strip_nulls(jsonb_build_object('entity', entity, 'login', $3::text))
    FROM validated
)

SELECT id FROM validated;
