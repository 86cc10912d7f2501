"""The documents that configure the programs, in YAML: each mistake is told with its line and how to mend it."""
