-- The keys that are honoured, the one that signs first, without their secrets.
-- honoured: how long a key is honoured after it has been replaced.
SELECT
    signing_key.kid,
    signing_key.created_at,
    signing_key.retired_at,
    signing_key.retired_at + %(honoured)s::interval AS honoured_until
FROM dinamis.signing_key
WHERE signing_key.retired_at IS NULL OR signing_key.retired_at > now() - %(honoured)s::interval
ORDER BY signing_key.retired_at DESC NULLS FIRST;
