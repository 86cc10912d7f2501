"""The YAML documents that configure the programs: each mistake is reported with its line and its remedy."""
