"""Where records come from: each source reads pages of raw records, and one raw record into a scene.

What a source is stands in `source.py`, which there are in `registry.py`. Each has a package of its own, in which
`source.py` asks the service. What it said is read in `records.py` beside it, or by what several sources share:
`iso19139`, `feature_search`, `airbus`; deliveries are read by `harvester.dimap`, Items by `stac.items`. No source
imports another one.
"""
