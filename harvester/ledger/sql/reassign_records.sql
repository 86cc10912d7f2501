-- Let records be of other Items than they were.
UPDATE dinamis.source_record AS known SET item = present.item
FROM unnest(%(sources)b::text [], %(records)b::text [], %(items)b::text []) AS present (source, record, item)
WHERE known.source = present.source AND known.record = present.record;
