-- A person applies for a new entity, as its référent. No row: the person has too many open applications.
-- $1: the person; $2: the name; $3: the kind; $4: the country; $5, $6: name and e-mail address of the legal
-- representative; $7: the category or null; $8: the purpose; $9: how many applications may be open at most.
WITH applied AS (
    INSERT INTO dinamis.entity (name, kind, country, legal_representative, legal_representative_email)
    SELECT $2::text, $3::text, $4::text, $5::text, $6::text
    WHERE (
        SELECT count(*) FROM dinamis.membership
        WHERE membership.person = $1 AND membership.confirmed_at IS NULL AND membership.refused_at IS NULL
    ) < $9
    RETURNING id
),

placed AS (
    INSERT INTO dinamis.membership (person, entity, role, category, purpose)
    SELECT $1::uuid, id, 'referent', $7::text, $8::text FROM applied
    RETURNING id
),

noted AS (
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    SELECT $1::uuid, 'entity.apply', id::text, jsonb_build_object('kind', $3::text, 'country', $4::text) FROM applied
)

SELECT id FROM placed;
