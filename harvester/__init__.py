"""How metadata come into the catalogue: sources, records, ledger, Items."""
