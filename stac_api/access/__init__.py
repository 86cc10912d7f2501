"""Who may see, download and order what: the rules of the institution as dated data, and one decision over them.

`policy.py` is what the rules say, `principal.py` who asks, `authorize.py` the decision: all three are pure.
`credentials/` finds out who asks, `rules/` which rules hold, `restriction.py` what of the catalogue is seen by them;
`guards.py` stands before every route, and `refusals.py` says why not. `register/` has the people and entities,
`accounts/` the routes by which they look after what is theirs.
"""
