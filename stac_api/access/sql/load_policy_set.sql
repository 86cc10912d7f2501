-- Stores a set as a draft, or replaces the draft of that name. No row: it is active, and was not touched.
INSERT INTO dinamis.policy_set (id, document, digest, source_document, decided_on, approved_by)
VALUES (
    %(id)s, %(document)s, %(digest)s, %(source_document)s, %(decided_on)s, %(approved_by)s
)
ON CONFLICT (id) DO UPDATE SET
document = excluded.document,
digest = excluded.digest,
source_document = excluded.source_document,
decided_on = excluded.decided_on,
approved_by = excluded.approved_by,
loaded_at = now()
WHERE policy_set.state = 'draft'
RETURNING id;
