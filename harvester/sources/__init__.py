"""Where records come from: each source gives pages of raw records, and turns one raw record into a scene.

`source.py` defines what a source is, `registry.py` lists them. Each has a package of its own, whose `source.py` asks
the service. Its answers are read by `records.py` beside it, or by what several sources share: `iso19139`,
`feature_search`, `airbus`; deliveries are read by `harvester.dimap`, Items by `stac.items`. No source imports another.
"""
