"""Pages: raw records are read, grouped into acquisitions, kept in the ledger and written as Items, page by page."""
