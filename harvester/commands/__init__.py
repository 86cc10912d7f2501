"""The commands of `dinamis` that harvest: each parses, calls one function of this package, prints, and ends.

Only these modules import click and rich, and only the command line imports them. Each command imports what it calls in
its own body, so that `dinamis --help` answers at once.
"""
