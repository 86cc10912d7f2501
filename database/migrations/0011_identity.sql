-- Who may ask: entities and people, what they belong to, in what quality they act and for how long, their keys, and
-- what was done to all this. The API may write what self-service writes, and cannot make anybody an operator.

CREATE DOMAIN dinamis.category AS text CHECK (
    value IN ('SCI_FR', 'PUB_FR', 'PRIV_RD_FR', 'PRIV_PSP_FR', 'SCI_EU', 'SCI_INTL', 'PRIV_OTHER')
);
COMMENT ON DOMAIN dinamis.category IS 'In what quality somebody acts: stac_api.access.policy.Category, without that of everybody.';

CREATE TABLE dinamis.entity (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CHECK (name = btrim(name) AND name <> ''),
    kind text NOT NULL CHECK (kind IN ('science', 'public', 'firm')),
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    state text NOT NULL DEFAULT 'applied' CHECK (state IN ('applied', 'compliant', 'active', 'suspended', 'left')),
    charter_version text,
    is_relay_partner boolean NOT NULL DEFAULT false,
    legal_representative text,
    legal_representative_email text,
    applied_at timestamptz NOT NULL DEFAULT now(),
    joined_at timestamptz,
    left_at timestamptz,
    CHECK (state NOT IN ('active', 'suspended') OR joined_at IS NOT NULL),
    CHECK ((state = 'left') = (left_at IS NOT NULL))
);
COMMENT ON TABLE dinamis.entity IS 'A laboratory, authority or firm that has joined or asked to; those that are active are a public register.';
COMMENT ON COLUMN dinamis.entity.country IS 'ISO 3166-1 alpha-2; FR for overseas France too.';
COMMENT ON COLUMN dinamis.entity.state IS 'applied, compliant when its papers are in order, active, suspended, left.';
COMMENT ON COLUMN dinamis.entity.charter_version IS 'The version of the charter that its legal representative signed.';
-- Anybody may apply under any name; only one of a name can be taken in.
CREATE UNIQUE INDEX entity_name_idx ON dinamis.entity (lower(name)) WHERE state IN ('compliant', 'active', 'suspended');
CREATE INDEX entity_any_name_idx ON dinamis.entity (lower(name), id);
CREATE INDEX entity_register_idx ON dinamis.entity (lower(name), id) WHERE state = 'active';

CREATE TABLE dinamis.person (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    issuer text,
    subject text,
    email text,
    name text,
    state text NOT NULL DEFAULT 'applied' CHECK (state IN ('applied', 'active', 'suspended', 'erased')),
    is_operator boolean NOT NULL DEFAULT false,
    pseudonym uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (issuer, subject),
    CHECK ((issuer IS NULL) = (subject IS NULL)),
    CHECK (state <> 'erased' OR (num_nulls(issuer, subject, email, name) = 4 AND NOT is_operator))
);
COMMENT ON TABLE dinamis.person IS 'The only table with personal data of users: erasing somebody empties the row and keeps its pseudonym.';
COMMENT ON COLUMN dinamis.person.issuer IS 'With subject: the login, as its provider names it. Without one only keys can be used.';
COMMENT ON COLUMN dinamis.person.pseudonym IS 'What records of use carry instead of the person.';
CREATE INDEX person_email_idx ON dinamis.person (lower(email));
CREATE INDEX person_name_idx ON dinamis.person (lower(name));

CREATE TABLE dinamis.framework (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('mission', 'partnership', 'project')),
    title text NOT NULL CHECK (title = btrim(title) AND title <> ''),
    principal_entity uuid REFERENCES dinamis.entity,
    valid tstzrange NOT NULL CHECK (NOT lower_inf(valid) AND NOT upper_inf(valid) AND NOT isempty(valid)),
    CHECK (kind = 'project' OR principal_entity IS NOT NULL)
);
COMMENT ON TABLE dinamis.framework IS 'A mission, partnership or project, always for a time.';
COMMENT ON COLUMN dinamis.framework.principal_entity IS 'The French actor that a mission is done for, or that a partner works with: without it the framework ends.';
CREATE INDEX framework_title_idx ON dinamis.framework (lower(title));
CREATE INDEX framework_principal_idx ON dinamis.framework (principal_entity);

CREATE TABLE dinamis.membership (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person uuid NOT NULL REFERENCES dinamis.person,
    entity uuid NOT NULL REFERENCES dinamis.entity,
    role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'referent', 'legal_representative')),
    category dinamis.category,
    purpose text,
    applied_at timestamptz NOT NULL DEFAULT now(),
    validated_by uuid REFERENCES dinamis.person,
    validated_at timestamptz,
    confirmed_by uuid REFERENCES dinamis.person,
    confirmed_at timestamptz,
    refused_by uuid REFERENCES dinamis.person,
    refused_at timestamptz,
    refusal text,
    valid tstzrange NOT NULL DEFAULT tstzrange(now(), NULL),
    -- Nobody decides on his own application.
    CHECK (validated_by <> person AND confirmed_by <> person),
    CHECK (validated_by IS NULL OR validated_at IS NOT NULL),
    CHECK (confirmed_by IS NULL OR confirmed_at IS NOT NULL),
    CHECK (confirmed_at IS NULL OR validated_at IS NOT NULL),
    CHECK ((refused_at IS NOT NULL) = (refusal IS NOT NULL)),
    CHECK (refused_at IS NULL OR isempty(valid)),
    CONSTRAINT membership_once EXCLUDE USING gist (person WITH =, entity WITH =, role WITH =, valid WITH &&)
);
COMMENT ON TABLE dinamis.membership IS 'Who belongs to which entity, or asks to: it counts once the entity has validated and an operator confirmed it.';
COMMENT ON COLUMN dinamis.membership.category IS 'What the applicant asks for; what is granted stands in category_grant.';
COMMENT ON COLUMN dinamis.membership.validated_by IS 'Null with a time: an operator at the command line; so too confirmed_by and refused_by.';
COMMENT ON COLUMN dinamis.membership.valid IS 'From the application on, once confirmed from then on; empty when it was refused or ended before.';
CREATE INDEX membership_person_idx ON dinamis.membership (person, entity);
CREATE INDEX membership_entity_idx ON dinamis.membership (entity, role);
CREATE INDEX membership_open_idx ON dinamis.membership (entity, applied_at)
WHERE confirmed_at IS NULL AND refused_at IS NULL;

CREATE TABLE dinamis.category_grant (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person uuid NOT NULL REFERENCES dinamis.person,
    entity uuid NOT NULL REFERENCES dinamis.entity,
    framework uuid REFERENCES dinamis.framework,
    category dinamis.category NOT NULL,
    granted_by uuid REFERENCES dinamis.person,
    valid tstzrange NOT NULL CHECK (NOT lower_inf(valid)),
    CHECK (granted_by <> person),
    CONSTRAINT category_grant_needs_framework CHECK (
        category NOT IN ('PRIV_PSP_FR', 'SCI_INTL') OR framework IS NOT NULL
    ),
    CONSTRAINT category_grant_once EXCLUDE USING gist (
        person WITH =,
        entity WITH =,
        category WITH =,
        coalesce(framework, '00000000-0000-0000-0000-000000000000') WITH =,
        valid WITH &&
    )
);
COMMENT ON TABLE dinamis.category_grant IS 'The quality in which a person may act, in an entity and, where it needs one, a framework.';
COMMENT ON COLUMN dinamis.category_grant.granted_by IS 'Null: an operator at the command line.';
CREATE INDEX category_grant_person_idx ON dinamis.category_grant (person);
CREATE INDEX category_grant_framework_idx ON dinamis.category_grant (framework);

CREATE TABLE dinamis.api_key (
    id text PRIMARY KEY,
    person uuid NOT NULL REFERENCES dinamis.person,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    scopes text [] NOT NULL CHECK (scopes <@ '{read,download,account}' AND scopes <> '{}'),
    label text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_used_at timestamptz
);
COMMENT ON TABLE dinamis.api_key IS 'Credentials for programs; the secret itself is nowhere.';
COMMENT ON COLUMN dinamis.api_key.digest IS 'SHA-256 of the secret, which is random and long.';
CREATE INDEX api_key_person_idx ON dinamis.api_key (person);

CREATE TABLE dinamis.audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor uuid,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE dinamis.audit_event IS 'Everything that was done to identities and rights, written with it. No names or addresses: people are ids.';
COMMENT ON COLUMN dinamis.audit_event.actor IS 'The person who did it; null: an operator at the command line, whose login is in the detail.';
COMMENT ON COLUMN dinamis.audit_event.action IS 'What, as noun and verb: entity.activate, membership.confirm.';
COMMENT ON COLUMN dinamis.audit_event.subject IS 'The id of what it was done to.';
CREATE INDEX audit_event_subject_idx ON dinamis.audit_event (subject, id);
CREATE INDEX audit_event_actor_idx ON dinamis.audit_event (actor, id);
CREATE INDEX audit_event_at_idx ON dinamis.audit_event (at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dinamis.audit_event
FOR EACH ROW EXECUTE FUNCTION dinamis.refuse_rewriting();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON dinamis.audit_event
FOR EACH STATEMENT EXECUTE FUNCTION dinamis.refuse_rewriting();

-- In what qualities a person acts at a moment, and whether each counts then: stac_api.access.principal.Standing.
-- What has been asked for and what a former member had is told too, so that a refusal can say what to mend.
CREATE FUNCTION dinamis.capacities(who uuid, moment timestamptz DEFAULT now())
RETURNS TABLE (category text, entity uuid, framework uuid, standing text) LANGUAGE sql STABLE AS $$
    WITH asked AS (
        SELECT grants.category, grants.entity, grants.framework, grants.valid @> moment AS is_granted
        FROM dinamis.category_grant AS grants
        WHERE grants.person = who AND lower(grants.valid) <= moment
        UNION ALL
        SELECT application.category, application.entity, NULL, false
        FROM dinamis.membership AS application
        WHERE application.person = who AND application.category IS NOT NULL
            AND application.confirmed_at IS NULL AND application.valid @> moment
    )
    SELECT DISTINCT ON (asked.category, asked.entity, asked.framework)
        asked.category::text,
        asked.entity,
        asked.framework,
        CASE
            WHEN person.state IN ('suspended', 'erased') THEN 'account-suspended'
            WHEN entity.left_at <= moment THEN 'entity-left'
            WHEN entity.state = 'suspended' THEN 'entity-suspended'
            WHEN entity.state IN ('applied', 'compliant') OR entity.joined_at > moment THEN 'entity-pending'
            WHEN membership.is_confirmed IS NULL THEN 'membership-ended'
            WHEN NOT membership.is_confirmed OR person.state <> 'active' THEN 'membership-unconfirmed'
            WHEN NOT frame.counts THEN 'framework-ended'
            ELSE 'good'
        END AS standing
    FROM asked
    INNER JOIN dinamis.person ON person.id = who
    INNER JOIN dinamis.entity ON entity.id = asked.entity
    LEFT JOIN LATERAL (
        SELECT bool_or(each.confirmed_at IS NOT NULL) AS is_confirmed
        FROM dinamis.membership AS each
        WHERE each.person = who AND each.entity = asked.entity AND each.valid @> moment
    ) AS membership ON true
    LEFT JOIN LATERAL (
        -- A mission or partnership lives no longer than the membership of the actor behind it.
        SELECT framework.valid @> moment AND coalesce(
            principal.state = 'active' AND principal.joined_at <= moment OR principal.left_at > moment,
            framework.principal_entity IS NULL
        ) AS counts
        FROM dinamis.framework
        LEFT JOIN dinamis.entity AS principal ON principal.id = framework.principal_entity
        WHERE framework.id = asked.framework
    ) AS frame ON true
    -- A category that was taken from a member is gone; that of a former member says that he has left.
    WHERE asked.is_granted OR membership.is_confirmed IS NOT TRUE
    ORDER BY asked.category, asked.entity, asked.framework, asked.is_granted DESC
$$;
COMMENT ON FUNCTION dinamis.capacities IS 'In what qualities a person acts at a moment, with the reason why one does not count.';

-- Whoever erases somebody empties the row, also the server, which may not write who is an operator.
CREATE FUNCTION dinamis.empty_erased_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.issuer := NULL;
    new.subject := NULL;
    new.email := NULL;
    new.name := NULL;
    new.is_operator := false;
    RETURN new;
END
$$;
CREATE TRIGGER empty_erased BEFORE UPDATE ON dinamis.person
FOR EACH ROW WHEN (new.state = 'erased') EXECUTE FUNCTION dinamis.empty_erased_person();

-- Erases a person and ends what it had; its pseudonym stays, so that records of use still add up. False: it was done.
CREATE FUNCTION dinamis.erase_person(who uuid, by_person uuid, noted jsonb DEFAULT '{}')
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE dinamis.person SET state = 'erased' WHERE id = who AND state <> 'erased';
    IF NOT found THEN
        RETURN false;
    END IF;
    UPDATE dinamis.membership
    SET
        valid = CASE WHEN confirmed_at IS NULL THEN 'empty' ELSE valid * tstzrange(NULL, now()) END,
        refused_at = CASE WHEN confirmed_at IS NULL THEN coalesce(refused_at, now()) END,
        refusal = CASE WHEN confirmed_at IS NULL THEN '' END,
        purpose = NULL
    WHERE person = who;
    UPDATE dinamis.category_grant SET valid = valid * tstzrange(NULL, now()) WHERE person = who;
    UPDATE dinamis.api_key SET revoked_at = coalesce(revoked_at, now()), label = '' WHERE person = who;
    INSERT INTO dinamis.audit_event (actor, action, subject, detail)
    VALUES (by_person, 'person.erase', who::text, noted);
    RETURN true;
END
$$;

GRANT SELECT ON dinamis.entity, dinamis.person, dinamis.membership, dinamis.framework, dinamis.category_grant,
dinamis.api_key, dinamis.audit_event TO dinamis_api;
GRANT INSERT (name, kind, country, legal_representative, legal_representative_email) ON dinamis.entity TO dinamis_api;
GRANT INSERT (issuer, subject, email, name) ON dinamis.person TO dinamis_api;
GRANT UPDATE (email, name, state) ON dinamis.person TO dinamis_api;
GRANT INSERT (person, entity, role, category, purpose) ON dinamis.membership TO dinamis_api;
GRANT UPDATE (
    purpose, validated_by, validated_at, confirmed_by, confirmed_at, refused_by, refused_at, refusal, valid
) ON dinamis.membership TO dinamis_api;
GRANT INSERT ON dinamis.category_grant, dinamis.audit_event TO dinamis_api;
GRANT INSERT (id, person, digest, scopes, label, expires_at) ON dinamis.api_key TO dinamis_api;
GRANT UPDATE (valid) ON dinamis.category_grant TO dinamis_api;
GRANT UPDATE (label, revoked_at, last_used_at) ON dinamis.api_key TO dinamis_api;
