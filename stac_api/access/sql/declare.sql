-- Stores an answer to the open-data questionnaire.
-- $1: profile; $2: type of organisation; $3: organisation; $4: application; $5: country; $6, $7: licence and version.
INSERT INTO dinamis.open_data_declaration (
    profile, organisation_type, organisation, application, country, licence, version
)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id;
