-- A rebuild of stereo sets that was interrupted is finished by one that is asked for the same; that was not kept before,
-- and what is left of such a rebuild is taken for what is left of one of all.
ALTER TABLE dinamis.stereo_shard
    ADD COLUMN request jsonb NOT NULL DEFAULT '{"since": null, "platform": null}',
    DROP CONSTRAINT stereo_shard_pkey,
    ADD PRIMARY KEY (platform, month, request);
ALTER TABLE dinamis.stereo_shard ALTER COLUMN request DROP DEFAULT;
COMMENT ON TABLE dinamis.stereo_shard IS 'What is left to do of rebuilds: months of satellites that workers share.';
COMMENT ON COLUMN dinamis.stereo_shard.request IS 'What the rebuild was asked for: of which satellite, and from the month of which day on.';
