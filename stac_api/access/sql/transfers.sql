-- The transfers that a person declared, or that the entities of the person receive; the newest first.
-- $1: the person; $2: a single transfer, or null for all.
SELECT
    transfer.id,
    signature.licence,
    signature.version,
    transfer.collection,
    transfer.item,
    transfer.purpose,
    transfer.declared_at,
    signature.entity AS giver,
    giver.name AS giver_name,
    transfer.receiver,
    receiver.name AS receiver_name,
    signature.person = $1 AS is_own,
    acceptance.accepted_at
FROM dinamis.licence_transfer AS transfer
INNER JOIN dinamis.licence_signature AS signature ON transfer.signature = signature.id
INNER JOIN dinamis.entity AS giver ON signature.entity = giver.id
INNER JOIN dinamis.entity AS receiver ON transfer.receiver = receiver.id
LEFT JOIN dinamis.licence_transfer_acceptance AS acceptance ON transfer.id = acceptance.transfer
WHERE ($2::uuid IS NULL OR transfer.id = $2)
    AND (
        signature.person = $1
        OR transfer.receiver IN (
            SELECT membership.entity
            FROM dinamis.membership
            WHERE membership.person = $1 AND membership.confirmed_at IS NOT NULL AND membership.valid @> now()
        )
    )
ORDER BY transfer.declared_at DESC
LIMIT 1000;
