-- Readers get the names of what they search by in their language, as those of the Collections.
ALTER TABLE dinamis.collection_translation
    ADD COLUMN queryables jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(queryables) = 'object');
COMMENT ON COLUMN dinamis.collection_translation.queryables IS
    'The words of the properties that can be searched, by name: title, description.';
