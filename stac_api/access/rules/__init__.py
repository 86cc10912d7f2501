"""Policy sets and licences: written as files, kept in the database, told in public."""
