"""Sources, records, Items, ledger and catalogue: how metadata come into the catalogue."""
