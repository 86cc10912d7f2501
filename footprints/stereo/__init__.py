"""Finds stereo: from views and their footprints to pairs, triplets and larger sets, with the quantities of each.

`finder.py` takes and gives single views and sets. The columnar work behind it, for archives of a million records, is in
`acquisitions.py`, `sweep.py` and `graph.py`, with the formulas of `geometry.py` and the areas of `overlap.py`;
`footprints` exports the public names of all these. `properties.py` describes a set in STAC properties,
`suitability.py` scores it for surface models, and `picture.py` draws it.
"""
