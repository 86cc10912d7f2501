-- Have the sets of these views compared with their own Items, not with the stored digests of these.
UPDATE dinamis.stereo_set
SET digest = decode(repeat('00', 32), 'hex')
WHERE views && %(views)s::text []
    AND (%(sets)s::text [] IS NULL OR id = ANY(%(sets)s));
