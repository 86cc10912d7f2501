"""Finding stereo: from views and their footprints to pairs, triplets and larger sets, and the numbers of each.

`finder.py` takes and gives single views and sets. What it does with them in columns, for archives of a million records,
is in `acquisitions.py`, `sweep.py` and `graph.py`, with the formulas of `geometry.py` and the areas of `overlap.py`;
`footprints` has the public names of all these. `properties.py` tells of a set in the words of STAC, `suitability.py`
how well it suits a surface model, and `picture.py` draws it.
"""
