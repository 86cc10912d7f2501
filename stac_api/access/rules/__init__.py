"""Policy sets and licences: written as files, stored in the database, published by the API."""
