-- Stereo: what the finder needs to know of each image, and the pairs and triplets that stand in the catalogue.

CREATE TABLE dinamis.stereo_view (
    item text PRIMARY KEY REFERENCES dinamis.item,
    scene text NOT NULL,
    collection text NOT NULL,
    is_archive boolean NOT NULL,
    platform text NOT NULL,
    acquired_at timestamptz NOT NULL,
    footprint bytea NOT NULL,
    azimuth double precision,
    incidence double precision,
    direction_source smallint NOT NULL,
    cloud_cover double precision,
    sun_azimuth double precision,
    sun_elevation double precision,
    gsd double precision
);
COMMENT ON TABLE dinamis.stereo_view IS 'One published Item that can be a view of a stereo set; an acquisition may have several, held and in an archive.';
COMMENT ON COLUMN dinamis.stereo_view.footprint IS 'WKB, WGS 84.';
COMMENT ON COLUMN dinamis.stereo_view.azimuth IS 'From the target to the satellite, in degrees, as the incidence; null where it is not known.';
COMMENT ON COLUMN dinamis.stereo_view.direction_source IS 'How the direction became known: footprints.DirectionSource.';
CREATE INDEX stereo_view_moment_idx ON dinamis.stereo_view (platform, acquired_at);
CREATE INDEX stereo_view_scene_idx ON dinamis.stereo_view (scene);

CREATE TABLE dinamis.stereo_set (
    id text PRIMARY KEY REFERENCES dinamis.item,
    collection text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('stereo', 'tri-stereo')),
    platform text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    views text [] NOT NULL,
    suitability double precision NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32)
);
COMMENT ON TABLE dinamis.stereo_set IS 'One pair or triplet that stands in the catalogue as an Item of its own.';
COMMENT ON COLUMN dinamis.stereo_set.views IS 'Ids of the Items of its views, in the order of time.';
COMMENT ON COLUMN dinamis.stereo_set.digest IS 'SHA-256 of its Item without the times of its writing: an equal digest means that nothing is to be written.';
CREATE INDEX stereo_set_moment_idx ON dinamis.stereo_set (platform, started_at);
CREATE INDEX stereo_set_views_idx ON dinamis.stereo_set USING gin (views);

CREATE TABLE dinamis.stereo_shard (
    platform text NOT NULL,
    month date NOT NULL,
    PRIMARY KEY (platform, month)
);
COMMENT ON TABLE dinamis.stereo_shard IS 'What is left to do of a rebuild: months of satellites that workers share.';

-- The Item of a set belongs to no single acquisition.
ALTER TABLE dinamis.item ALTER COLUMN scene DROP NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON dinamis.stereo_view, dinamis.stereo_set, dinamis.stereo_shard TO dinamis_harvest;
GRANT SELECT ON dinamis.stereo_set TO dinamis_api;
