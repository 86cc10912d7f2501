-- The keys that are honoured, the one that signs first, without their secrets.
-- longest: how long what a key signed may live.
SELECT
    signing_key.kid,
    signing_key.created_at,
    signing_key.retired_at,
    signing_key.retired_at + %(longest)s::interval AS honoured_until
FROM dinamis.signing_key
WHERE signing_key.retired_at IS NULL OR signing_key.retired_at > now() - %(longest)s::interval
ORDER BY signing_key.retired_at DESC NULLS FIRST;
