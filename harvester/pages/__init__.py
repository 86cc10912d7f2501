"""Pages: raw records read, put together into acquisitions, kept in the ledger and written as Items, page by page."""
