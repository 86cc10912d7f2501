"""Attack: a signed address is passed on, and used by others, elsewhere and again."""

from __future__ import annotations

from tests.stac_api.downloads.protected_catalogue import PAN, Gate, query_of


def test_whoever_uses_it_stands_in_the_record_as_its_owner(gate: Gate) -> None:
    """It can be used again until its end, and each use is laid to the one who asked for it, by the id of the grant."""
    address = gate.signed(PAN, gate.ada)
    gate.get(address)
    gate.forget()
    with gate.database.connect("owner") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE dinamis.download_event SET at = at - interval '1 hour'")
    gate.get(address)
    events = [each for each in gate.events() if each["grant_id"] == query_of(address)["jti"]]
    assert len(events) == 2
    assert len({each["pseudonym"] for each in events}) == 1


def test_it_ends_with_the_rights_of_its_owner(gate: Gate) -> None:
    """Suspending the person closes every address that is about, at once."""
    address = gate.signed(PAN, gate.ada)
    assert gate.get(address).status_code == 200
    with gate.database.connect("owner", autocommit=True) as connection:
        connection.execute("UPDATE dinamis.person SET state = 'suspended' WHERE id = %s", (gate.ada.person,))
        try:
            assert gate.get(address).status_code == 403
        finally:
            connection.execute("UPDATE dinamis.person SET state = 'active' WHERE id = %s", (gate.ada.person,))


def test_it_names_nobody(gate: Gate) -> None:
    """The address holds a pseudonym, not the person, its mail or its key."""
    address = gate.signed(PAN, gate.ada)
    for secret in (str(gate.ada.person), gate.ada.person.hex, "example.org", gate.ada.key.id, gate.ada.key.secret):
        assert secret not in address


def test_it_does_not_travel_with_links_and_caches(gate: Gate) -> None:
    """Browsers send no address of ours to other sites, and no cache keeps the answer."""
    answer = gate.get(gate.signed(PAN, gate.ada))
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-store"
