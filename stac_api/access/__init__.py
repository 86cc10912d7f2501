"""Who may see, download and order what: the institution's rules as dated data, and one decision based on them.

`policy.py` models the rules, `principal.py` the caller, `authorize.py` the decision: all three are pure. `credentials/`
finds out who is calling, `rules/` which rules are in force, `restriction.py` which part of the catalogue is visible;
`guards.py` protects every route, and `refusals.py` explains refusals. `register/` has the people and entities,
`accounts/` the routes with which they manage what is theirs.
"""
