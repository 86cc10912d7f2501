"""Documents that people write in YAML: read strictly, each mistake told with its line and how to mend it."""
