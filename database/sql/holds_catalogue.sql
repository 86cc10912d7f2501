-- Whether anything was harvested, or entered by people. Access rules do not count, as they are in files too.
SELECT
    EXISTS (SELECT FROM pgstac.items)
    OR EXISTS (SELECT FROM dinamis.source_record)
    OR EXISTS (SELECT FROM dinamis.person)
    OR EXISTS (SELECT FROM dinamis.entity);
