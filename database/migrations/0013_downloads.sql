-- Who had which image by which rule, and the keys that sign addresses of files.

CREATE TABLE dinamis.download_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    pseudonym uuid,
    entity uuid,
    category text NOT NULL,
    collection text NOT NULL,
    item text NOT NULL,
    asset text NOT NULL,
    bytes bigint CHECK (bytes >= 0),
    licence text,
    licence_version integer,
    policy_set text,
    grant_id text,
    network text NOT NULL
);
COMMENT ON TABLE dinamis.download_event IS 'Each image that was given out, once however many ranges of it were read within some minutes.';
COMMENT ON COLUMN dinamis.download_event.pseudonym IS 'Stands for a person; who it is, dinamis.person alone knows, until the person is erased. NULL: nobody had logged in.';
COMMENT ON COLUMN dinamis.download_event.bytes IS 'Size of the file; NULL where it was read in ranges, or was given out by another server.';
COMMENT ON COLUMN dinamis.download_event.grant_id IS 'The jti of the signed address by which it was read; NULL for any other credential.';
COMMENT ON COLUMN dinamis.download_event.network IS 'The network that the request came from: an address without its last part.';
CREATE INDEX download_event_file ON dinamis.download_event (item, asset, at);
CREATE INDEX download_event_person ON dinamis.download_event (pseudonym, at) WHERE pseudonym IS NOT NULL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dinamis.download_event
FOR EACH ROW EXECUTE FUNCTION dinamis.refuse_rewriting();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON dinamis.download_event
FOR EACH STATEMENT EXECUTE FUNCTION dinamis.refuse_rewriting();

CREATE TABLE dinamis.signing_key (
    kid text PRIMARY KEY CHECK (kid ~ '^[A-Za-z0-9_-]{1,64}$'),
    secret bytea NOT NULL CHECK (length(secret) >= 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);
COMMENT ON TABLE dinamis.signing_key IS 'The keys that sign addresses of files: the one that is not retired signs, those that are retired are honoured as long as what they signed.';
CREATE UNIQUE INDEX signing_key_in_use ON dinamis.signing_key ((true)) WHERE retired_at IS NULL;
-- 244 bits from the server's source of strong randomness, so that the catalogue can sign from the first day.
INSERT INTO dinamis.signing_key (kid, secret)
SELECT 'first', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

GRANT SELECT, INSERT ON dinamis.download_event TO dinamis_api;
GRANT SELECT ON dinamis.signing_key TO dinamis_api;
