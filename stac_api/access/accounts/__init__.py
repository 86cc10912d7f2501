"""The routes with which people manage what is theirs: account, keys, licences, applications, declarations."""
