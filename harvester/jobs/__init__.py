"""Harvests as jobs in PostgreSQL, shared by workers on any number of machines.

`schedule` enqueues them when the collection documents say so, `tasks` is what a `worker` does with one, `repeats`
decides when a failed one is tried again, and `recovery` takes back the jobs of workers that died.
"""
