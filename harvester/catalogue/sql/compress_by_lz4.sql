-- Let the transaction compress what it stores by lz4, where the server can.
SELECT set_config('default_toast_compression', 'lz4', true)
FROM pg_settings
WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals);
