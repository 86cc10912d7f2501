-- Records that a file was given out, unless the same caller was given it a moment ago.
-- $1: the caller's pseudonym, or null; $2: the entity that it acts for; $3: its category; $4, $5, $6: collection, Item
-- and asset; $7: bytes; $8, $9: licence and version; $10: policy set; $11: grant; $12: network; $13: how long a moment is.
INSERT INTO dinamis.download_event (
    pseudonym, entity, category, collection, item, asset, bytes, licence, licence_version, policy_set, grant_id, network
)
SELECT
    $1::uuid,
    $2::uuid,
    $3::text,
    $4::text,
    $5::text,
    $6::text,
    $7::bigint,
    $8::text,
    $9::integer,
    $10::text,
    $11::text,
    $12::text
WHERE NOT EXISTS (
    SELECT
    FROM dinamis.download_event AS event
    WHERE event.item = $5 AND event.asset = $6 AND event.collection = $4 AND event.at > now() - $13::interval
        AND event.pseudonym IS NOT DISTINCT FROM $1 AND event.grant_id IS NOT DISTINCT FROM $11
        AND ($1 IS NOT NULL OR event.network = $12)
);
