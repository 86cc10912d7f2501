-- An acquisition stands under one of its names; what its sources call it need not be fit for the id of an Item.
ALTER TABLE dinamis.scene DROP CONSTRAINT scene_id_check;
