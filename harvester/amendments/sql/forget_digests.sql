-- Let sets of which these Items are views be compared with their Items, not with what is known of those.
UPDATE dinamis.stereo_set
SET digest = decode(repeat('00', 32), 'hex')
WHERE views && %(views)s::text []
    AND (%(sets)s::text [] IS NULL OR id = ANY(%(sets)s));
