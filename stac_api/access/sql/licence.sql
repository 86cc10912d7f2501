-- A version of a licence, and which version is the latest.
-- $1: the licence; $2: the version.
SELECT
    licence.id,
    licence.version,
    licence.kind,
    licence.title,
    licence.spdx,
    licence.href,
    licence.text,
    licence.digest,
    licence.published_at,
    (SELECT max(every.version) FROM dinamis.licence AS every WHERE every.id = licence.id) AS latest
FROM dinamis.licence
WHERE licence.id = $1 AND licence.version = $2;
