-- Stores a version of a licence unless it exists; returns whether it was new, and the digest of the stored text.
WITH published AS (
    INSERT INTO dinamis.licence (id, version, kind, title, spdx, href, text, digest)
    VALUES (%(id)s, %(version)s, %(kind)s, %(title)s, %(spdx)s, %(href)s, %(text)s, %(digest)s)
    ON CONFLICT (id, version) DO NOTHING
    RETURNING digest
)

SELECT
    TRUE AS is_new,
    digest
FROM published
UNION ALL
SELECT
    FALSE,
    digest
FROM dinamis.licence
WHERE id = %(id)s AND version = %(version)s;
