-- Declare properties that can be filtered; one statement, as pgSTAC visits every partition after each.
INSERT INTO queryables (name, definition, collection_ids, property_index_type)
SELECT
    name,
    definition,
    collection_ids,
    property_index_type
FROM jsonb_to_recordset(%(queryables)s)
    AS wanted (name text, definition jsonb, collection_ids text [], property_index_type text);
