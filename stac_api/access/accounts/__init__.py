"""The routes by which people look after what is theirs: account, keys, licences, applications, declarations."""
