-- The rules of the institution and the licences that they name. What was in force stays as it was: triggers see to it.

CREATE FUNCTION dinamis.refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'dinamis.% is append-only: what is written there is neither changed nor removed', tg_table_name
    USING ERRCODE = 'restrict_violation';
END
$$;
COMMENT ON FUNCTION dinamis.refuse_rewriting IS 'For triggers before UPDATE, DELETE and TRUNCATE of append-only tables.';

CREATE TABLE dinamis.policy_set (
    id text PRIMARY KEY,
    state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'active')),
    valid tstzrange,
    document jsonb NOT NULL,
    digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    source_document text NOT NULL,
    decided_on date,
    approved_by text NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    activated_by text,
    CHECK ((state = 'active') = (valid IS NOT NULL)),
    CHECK ((state = 'active') = (activated_at IS NOT NULL)),
    CHECK ((state = 'active') = (activated_by IS NOT NULL)),
    CHECK (NOT isempty(valid) AND lower_inc(valid) AND NOT upper_inc(valid)),
    CONSTRAINT policy_set_one_at_a_time EXCLUDE USING gist (valid WITH &&)
);
COMMENT ON TABLE dinamis.policy_set IS 'One decision of the institution: who may do what with which collection. Active sets follow each other without a gap.';
COMMENT ON COLUMN dinamis.policy_set.valid IS 'From when until when it decides, once it is active; it ends when the next one begins.';
COMMENT ON COLUMN dinamis.policy_set.document IS 'The set as it was written: stac_api.access.policy.PolicySet.';
COMMENT ON COLUMN dinamis.policy_set.digest IS 'SHA-256 of the document, in hexadecimal.';

CREATE FUNCTION dinamis.keep_policy_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean := tg_op = 'INSERT' OR (tg_op = 'UPDATE' AND old.state = 'draft');
    earliest timestamptz;
BEGIN
    IF tg_op = 'DELETE' THEN
        IF old.state = 'active' THEN
            RAISE EXCEPTION 'The policy set % is active: it stays', old.id USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN old;
    END IF;
    IF NOT is_new AND new.state = 'draft' AND lower(old.valid) <= now() THEN
        RAISE EXCEPTION 'The policy set % has been in force: it stays', old.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT is_new AND new.state = 'active' THEN
        IF (new.id, new.document, new.digest, lower(new.valid)) IS DISTINCT FROM
            (old.id, old.document, old.digest, lower(old.valid)) THEN
            RAISE EXCEPTION 'The policy set % is active: write another one', old.id USING ERRCODE = 'restrict_violation';
        END IF;
        IF upper(new.valid) IS DISTINCT FROM upper(old.valid)
            AND (coalesce(upper(new.valid), 'infinity') < now() OR coalesce(upper(old.valid), 'infinity') < now()) THEN
            RAISE EXCEPTION 'The end of the policy set % lies in the past', old.id USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF is_new AND new.state = 'active' AND lower(new.valid) < now() THEN
        SELECT min(lower(valid)) INTO earliest FROM dinamis.policy_set WHERE id <> new.id;
        IF lower(new.valid) > earliest THEN
            RAISE EXCEPTION 'The policy set % would begin in the past, where others were in force', new.id
            USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN new;
END
$$;

CREATE TRIGGER keep_history BEFORE INSERT OR UPDATE OR DELETE ON dinamis.policy_set
FOR EACH ROW EXECUTE FUNCTION dinamis.keep_policy_history();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON dinamis.policy_set
FOR EACH STATEMENT EXECUTE FUNCTION dinamis.refuse_rewriting();

CREATE FUNCTION dinamis.refuse_policy_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (
            SELECT upper(valid) AS ends, lead(lower(valid)) OVER (ORDER BY lower(valid)) AS next_begins
            FROM dinamis.policy_set WHERE state = 'active'
        ) AS timeline
        WHERE ends IS DISTINCT FROM next_begins
    ) THEN
        RAISE EXCEPTION 'The active policy sets leave a gap' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
-- At the end of the transaction: one set is cut before its successor stands.
CREATE CONSTRAINT TRIGGER no_gap AFTER INSERT OR UPDATE OR DELETE ON dinamis.policy_set
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION dinamis.refuse_policy_gap();

CREATE TABLE dinamis.licence (
    id text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    kind text NOT NULL CHECK (kind IN ('open', 'click', 'signed')),
    title text NOT NULL,
    spdx text,
    href text NOT NULL,
    text text NOT NULL,
    digest text NOT NULL CHECK (digest = encode(sha256(convert_to(text, 'UTF8')), 'hex')),
    published_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version)
);
COMMENT ON TABLE dinamis.licence IS 'The versions of licences; a text never changes within a version, so that a signature always means one text.';
COMMENT ON COLUMN dinamis.licence.kind IS 'open: nothing to do; click: accepted with a tick; signed: signed by a member for its entity.';
COMMENT ON COLUMN dinamis.licence.digest IS 'SHA-256 of the text in UTF-8, in hexadecimal.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dinamis.licence
FOR EACH ROW EXECUTE FUNCTION dinamis.refuse_rewriting();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON dinamis.licence
FOR EACH STATEMENT EXECUTE FUNCTION dinamis.refuse_rewriting();

GRANT SELECT ON dinamis.policy_set, dinamis.licence TO dinamis_api;
