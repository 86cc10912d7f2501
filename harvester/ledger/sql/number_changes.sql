-- Give the change of each of these Items its place in the order of changes, and note which of them are new there.
UPDATE dinamis.item AS known SET
    updated = %(now)s,
    change = numbered.change,
    first_change = CASE WHEN numbered.is_new THEN numbered.change ELSE known.first_change END
FROM (
    SELECT
        id,
        is_new,
        nextval('dinamis.change') AS change
    FROM unnest(%(ids)b::text [], %(new)b::boolean []) AS changed (id, is_new)
) AS numbered
WHERE known.id = numbered.id;
