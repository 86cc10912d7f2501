-- The keys that are honoured, the one that signs first.
-- $1: how long a key is honoured after it has been replaced.
SELECT signing_key.kid, signing_key.secret, signing_key.retired_at IS NULL AS signs
FROM dinamis.signing_key
WHERE signing_key.retired_at IS NULL OR signing_key.retired_at > now() - $1::interval
ORDER BY signing_key.retired_at DESC NULLS FIRST;
