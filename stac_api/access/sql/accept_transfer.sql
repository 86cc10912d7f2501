-- Notes that the receiver of an image signed its licence as well; once is enough.
-- $1: the transfer; $2: the signature; $3: the person.
WITH accepted AS (
    INSERT INTO dinamis.licence_transfer_acceptance (transfer, signature)
    VALUES ($1, $2)
    ON CONFLICT DO NOTHING
    RETURNING *
)

INSERT INTO dinamis.audit_event (actor, action, subject, detail)
SELECT $3, 'licence.accept_transfer', accepted.transfer::text, jsonb_build_object('signature', accepted.signature)
FROM accepted;
