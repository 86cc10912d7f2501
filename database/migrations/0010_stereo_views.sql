-- Images are written down for the finder of stereo in great numbers: what nothing asks for is not kept beside them.

-- Sets are found by satellite and time; the acquisition of a view is read, and never looked up by.
DROP INDEX dinamis.stereo_view_scene_idx;
-- Rows of `item` are never deleted, and each is written in the transaction that writes its view.
ALTER TABLE dinamis.stereo_view DROP CONSTRAINT stereo_view_item_fkey;
