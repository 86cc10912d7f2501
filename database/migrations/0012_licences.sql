-- Who accepted which licence: members for their entity, receivers of a passed-on image, and the public in a questionnaire.

CREATE TABLE dinamis.licence_signature (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person uuid NOT NULL REFERENCES dinamis.person,
    entity uuid NOT NULL REFERENCES dinamis.entity,
    licence text NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT now(),
    method text NOT NULL CHECK (method IN ('bearer', 'key')),
    on_behalf_of uuid REFERENCES dinamis.entity,
    FOREIGN KEY (licence, version) REFERENCES dinamis.licence,
    UNIQUE NULLS NOT DISTINCT (person, entity, licence, version, on_behalf_of)
);
COMMENT ON TABLE dinamis.licence_signature IS 'A version of a licence that a member signed for its entity.';
COMMENT ON COLUMN dinamis.licence_signature.digest IS 'SHA-256 of the text that was signed, in hexadecimal.';
COMMENT ON COLUMN dinamis.licence_signature.method IS 'With what credential the signer proved who he is.';
COMMENT ON COLUMN dinamis.licence_signature.on_behalf_of IS 'The public actor whose contractor or partner signs.';
CREATE INDEX licence_signature_person_idx ON dinamis.licence_signature (person);

CREATE TABLE dinamis.licence_transfer (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    signature uuid NOT NULL REFERENCES dinamis.licence_signature,
    collection text NOT NULL,
    item text NOT NULL,
    receiver uuid NOT NULL REFERENCES dinamis.entity,
    purpose text NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE dinamis.licence_transfer IS 'An image that a signer declares to pass on to another entity: another institution, or a contractor.';
COMMENT ON COLUMN dinamis.licence_transfer.signature IS 'The signature under which the image was had.';
CREATE INDEX licence_transfer_signature_idx ON dinamis.licence_transfer (signature);
CREATE INDEX licence_transfer_receiver_idx ON dinamis.licence_transfer (receiver);

CREATE TABLE dinamis.licence_transfer_acceptance (
    transfer uuid PRIMARY KEY REFERENCES dinamis.licence_transfer,
    signature uuid NOT NULL REFERENCES dinamis.licence_signature,
    accepted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE dinamis.licence_transfer_acceptance IS 'That a member of the receiver signed the licence for the image as well: from then on the transfer counts.';
CREATE INDEX licence_transfer_acceptance_signature_idx ON dinamis.licence_transfer_acceptance (signature);

CREATE TABLE dinamis.open_data_declaration (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    profile text NOT NULL,
    organisation_type text NOT NULL,
    organisation text NOT NULL,
    application text NOT NULL,
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    licence text NOT NULL,
    version integer NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (licence, version) REFERENCES dinamis.licence
);
COMMENT ON TABLE dinamis.open_data_declaration IS 'An answer to the questionnaire for statistics, with the licence that was accepted; nothing leads from it to a person or to downloads.';
COMMENT ON COLUMN dinamis.open_data_declaration.country IS 'ISO 3166-1 alpha-2.';
CREATE INDEX open_data_declaration_at_idx ON dinamis.open_data_declaration (at);

DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY[
        'licence_signature', 'licence_transfer', 'licence_transfer_acceptance', 'open_data_declaration'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON dinamis.%I '
            'FOR EACH ROW EXECUTE FUNCTION dinamis.refuse_rewriting()', kept
        );
        EXECUTE format(
            'CREATE TRIGGER never_emptied BEFORE TRUNCATE ON dinamis.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION dinamis.refuse_rewriting()', kept
        );
    END LOOP;
END
$$;

GRANT SELECT, INSERT ON dinamis.licence_signature, dinamis.licence_transfer, dinamis.licence_transfer_acceptance TO dinamis_api;
-- Answers of the public are counted by operators; the API only takes them in.
GRANT INSERT, SELECT (id) ON dinamis.open_data_declaration TO dinamis_api;
