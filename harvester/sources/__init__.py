"""Where records come from: each source reads pages of raw records, and one raw record into a scene.

What a source is stands in `source.py`, which there are in `registry.py`.
"""
