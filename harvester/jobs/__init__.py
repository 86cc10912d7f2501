"""Harvests as jobs in PostgreSQL, which workers on any number of machines share.

`schedule` puts them in the queue when the collection documents say so, `tasks` is what a `worker` does with one,
`repeats` says when what failed is tried again, and `recovery` takes back the jobs of workers that died.
"""
