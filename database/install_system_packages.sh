#!/bin/sh
# Installs what the private PostgreSQL cluster and `make` need on Debian and Ubuntu: the distribution's PostgreSQL server
# with PostGIS, and Python's venv. Quiet when all is there. No cluster is made or touched: the program makes its own.
set -eu

VERSIONS=/usr/lib/postgresql

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# The newest server on this machine, or nothing.
installed_major() {
    for initdb in "$VERSIONS"/*/bin/initdb; do
        if [ -x "$initdb" ]; then basename "$(dirname "$(dirname "$initdb")")"; fi
    done | sort -n | tail -n 1
}

# A server that has PostGIS, as the program looks for it.
server_with_postgis() {
    for control in /usr/share/postgresql/*/extension/postgis.control; do
        major=$(basename "$(dirname "$(dirname "$control")")")
        if [ -f "$control" ] && [ -x "$VERSIONS/$major/bin/initdb" ]; then return 0; fi
    done
    return 1
}

# Debian splits venv off Python: without ensurepip a virtual environment has no pip.
python_makes_venvs() {
    command -v python3 >/dev/null 2>&1 && python3 -c 'import ensurepip, venv' >/dev/null 2>&1
}

candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '(none)' || true
}

# The server version that the distribution's package `postgresql` stands for: 17+278 is 17.
offered_major() {
    candidate postgresql | sed 's/^\([0-9]*\).*/\1/'
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

require_root() {
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        fail "System packages are missing ($WANTED), and there is no sudo: run this script as root."
    fi
}

# Hundreds of lines that nobody reads, unless it fails.
install_packages() {
    log=$(mktemp)
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends \
        -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        fail "apt-get could not install: $*"
    fi
    rm -f "$log"
}

# Package lists may be absent (a fresh image) or name versions that are gone.
refresh_lists() {
    as_root apt-get update --quiet=2 >&2 || say "The package lists could not be refreshed; going on with those at hand."
}

# The package postgresql-NN starts a cluster `main` of its own unless told not to, before it is installed.
forbid_main_cluster() {
    if [ -n "$(installed_major)" ]; then return 0; fi
    install_packages postgresql-common
    as_root mkdir -p /etc/postgresql-common/createcluster.d
    printf '%s\n' '# The program that wanted this server makes a private cluster.' 'create_main_cluster = false' |
        as_root tee /etc/postgresql-common/createcluster.d/dinamis.conf >/dev/null
}

WANTED=""
if ! python_makes_venvs; then WANTED="python3-venv"; fi
if ! server_with_postgis; then
    major=$(installed_major)
    WANTED="$WANTED postgresql-${major:-NN} postgresql-${major:-NN}-postgis-3"
fi
WANTED=$(printf '%s' "$WANTED" | sed 's/^ *//')

if [ -z "$WANTED" ]; then exit 0; fi

if ! command -v apt-get >/dev/null 2>&1; then
    fail "System packages are missing. This script knows Debian and Ubuntu only; install with your package manager:
  PostgreSQL 15 or later (server), PostGIS 3 for it, Python 3.11 or later with venv
  (on Debian: $WANTED; on Fedora: postgresql-server postgis python3)."
fi

require_root
say "Installing system packages: $WANTED"
refresh_lists
if ! python_makes_venvs; then install_packages python3-venv; fi
if ! server_with_postgis; then
    major=$(installed_major)
    if [ -z "$major" ]; then major=$(offered_major); fi
    if [ -z "$major" ] || [ -z "$(candidate "postgresql-$major-postgis-3")" ]; then
        fail "No package postgresql-${major:-NN}-postgis-3 is on offer. Check /etc/apt/sources.list, then run this again."
    fi
    forbid_main_cluster
    install_packages "postgresql-$major" "postgresql-$major-postgis-3"
fi
server_with_postgis || fail "PostgreSQL with PostGIS is still not here; see the messages above."
python_makes_venvs || fail "python3 -m venv still does not work; see the messages above."
