-- Declares that an image is passed on to another entity. No row: there is no such active entity, or nothing was signed.
-- $1: the person; $2: the entity that it acts for; $3, $4: licence and version; $5, $6: collection and Item;
-- $7: the receiver; $8: what for.
WITH declared AS (
    INSERT INTO dinamis.licence_transfer (signature, collection, item, receiver, purpose)
    SELECT signature.id, $5, $6, entity.id, $8
    FROM dinamis.licence_signature AS signature
    CROSS JOIN dinamis.entity
    WHERE (signature.person, signature.entity, signature.licence, signature.version) = ($1, $2, $3, $4)
        AND entity.id = $7 AND entity.state = 'active' AND entity.id <> $2
    ORDER BY signature.signed_at
    LIMIT 1
    RETURNING *
),

noted AS (
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    SELECT
        $1,
        'licence.transfer',
        declared.id::text,
        jsonb_build_object('collection', declared.collection, 'item', declared.item, 'receiver', declared.receiver)
    FROM declared
)

SELECT declared.id FROM declared;
