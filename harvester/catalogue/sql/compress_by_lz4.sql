-- Compress what the transaction stores with lz4, if the server can.
SELECT set_config('default_toast_compression', 'lz4', true)
FROM pg_settings
WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals);
