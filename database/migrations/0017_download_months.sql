-- What is kept of downloads once it no longer matters who had which image: counts by month.

CREATE TABLE dinamis.download_month (
    month date NOT NULL CHECK (extract(DAY FROM month) = 1),
    collection text NOT NULL,
    category text NOT NULL,
    entity uuid,
    licence text,
    licence_version integer,
    downloads bigint NOT NULL CHECK (downloads > 0),
    bytes bigint,
    UNIQUE NULLS NOT DISTINCT (month, collection, category, entity, licence, licence_version)
);
COMMENT ON TABLE dinamis.download_month IS 'The downloads of a month (UTC) whose single events have been forgotten.';
COMMENT ON COLUMN dinamis.download_month.bytes IS 'Of the files that were sent whole; NULL where none was.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dinamis.download_month
FOR EACH ROW EXECUTE FUNCTION dinamis.refuse_rewriting();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON dinamis.download_month
FOR EACH STATEMENT EXECUTE FUNCTION dinamis.refuse_rewriting();

-- Events stay for a year at least, whoever asks; after that they may be counted and forgotten.
DROP TRIGGER append_only ON dinamis.download_event;
CREATE TRIGGER never_rewritten BEFORE UPDATE ON dinamis.download_event
FOR EACH ROW EXECUTE FUNCTION dinamis.refuse_rewriting();
CREATE TRIGGER kept_for_a_year BEFORE DELETE ON dinamis.download_event
FOR EACH ROW WHEN (old.at > now() - INTERVAL '1 year') EXECUTE FUNCTION dinamis.refuse_rewriting();
CREATE INDEX download_event_at ON dinamis.download_event (at);
