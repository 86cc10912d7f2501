-- Who was told of what, and which fields the records of each source have.

CREATE TABLE dinamis.notice (
    run bigint NOT NULL REFERENCES dinamis.run ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('failure', 'withdrawals', 'breach', 'quarantine', 'stale')),
    told_at timestamptz NOT NULL,
    PRIMARY KEY (run, kind)
);
COMMENT ON TABLE dinamis.notice IS 'What somebody was told of: of each run, each thing once.';
COMMENT ON COLUMN dinamis.notice.run IS 'Of a stale source its last good run, or its first run where none was good.';

CREATE TABLE dinamis.part_sample (
    run bigint NOT NULL,
    part integer NOT NULL,
    records integer NOT NULL,
    fields jsonb NOT NULL,
    PRIMARY KEY (run, part),
    FOREIGN KEY (run, part) REFERENCES dinamis.run_part ON DELETE CASCADE
);
COMMENT ON TABLE dinamis.part_sample IS 'While a run goes on: in how many of the records looked at each field was.';

CREATE TABLE dinamis.feed_field (
    feed text NOT NULL REFERENCES dinamis.feed ON DELETE CASCADE,
    field text NOT NULL,
    first_run bigint NOT NULL,
    last_run bigint NOT NULL,
    share real CHECK (share BETWEEN 0 AND 1),
    PRIMARY KEY (feed, field)
);
COMMENT ON TABLE dinamis.feed_field IS 'The fields that the records of a feed have had, by their place in the record.';
COMMENT ON COLUMN dinamis.feed_field.share IS 'In which share of records it was, in the last run that saw enough of them; NULL before one did.';

GRANT SELECT, INSERT, UPDATE, DELETE ON dinamis.notice, dinamis.part_sample, dinamis.feed_field TO dinamis_harvest;
