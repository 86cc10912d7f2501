-- Let the records of Items belong to others that turned out to be the same.
UPDATE dinamis.source_record SET item = merged.present
FROM unnest(%(former)b::text [], %(present)b::text []) AS merged (former, present)
WHERE item = merged.former;
