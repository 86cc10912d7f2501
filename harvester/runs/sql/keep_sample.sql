-- Store the fields that were seen in the sampled records of a part.
INSERT INTO dinamis.part_sample (run, part, records, fields)
VALUES (%(run)s, %(part)s, %(records)s, %(fields)s)
ON CONFLICT (run, part) DO UPDATE SET
    records = excluded.records,
    fields = excluded.fields;
