"""Run by the Python of the environment of pycsw: fills a catalogue and serves it, and prints its port."""

import os
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pycsw.core.admin  # type: ignore[import-not-found]
import pycsw.core.config  # type: ignore[import-not-found]
import pycsw.wsgi  # type: ignore[import-not-found]

SETTINGS = """
[server]
home={home}
url=http://127.0.0.1/
mimetype=application/xml; charset=UTF-8
encoding=UTF-8
language=en-US
maxrecords={largest_page}
profiles=apiso

[manager]
transactions=false

[metadata:main]
identification_title=Catalogue of tests
identification_abstract=Synthetic records
identification_keywords=test
identification_keywords_type=theme
identification_fees=None
identification_accessconstraints=None
provider_name=Tests
provider_url=http://127.0.0.1/
contact_name=None
contact_position=None
contact_address=None
contact_city=None
contact_stateorprovince=None
contact_postalcode=None
contact_country=None
contact_phone=None
contact_fax=None
contact_email=none@example.org
contact_url=http://127.0.0.1/
contact_hours=None
contact_instructions=None
contact_role=pointOfContact

[repository]
database={database}
table=records

[metadata:inspire]
enabled=false
"""


class QuietHandler(WSGIRequestHandler):
    """Serves without telling of each request."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def serve(folder: Path, largest_page: int) -> None:
    """Load the records of `<folder>/records` and serve them until the process is ended."""
    # An absolute path: with a relative one setup_db says that the tables exist, and makes none.
    database, home = f"sqlite:///{folder / 'csw.db'}", Path(pycsw.wsgi.__file__).parent.parent
    settings = folder / "pycsw.cfg"
    # Without gzip_compresslevel: with it, the Content-Length is that of the uncompressed answer.
    settings.write_text(SETTINGS.format(home=home, largest_page=largest_page, database=database))
    pycsw.core.admin.setup_db(database, "records", str(home))
    context = pycsw.core.config.StaticContext()
    pycsw.core.admin.load_records(context, database, "records", str(folder / "records"))
    os.environ["PYCSW_CONFIG"] = str(settings)
    # pycsw prints the path of each request: only the port goes to the pipe that is read.
    pipe, sys.stdout = sys.stdout, sys.stderr
    with make_server("127.0.0.1", 0, pycsw.wsgi.application, handler_class=QuietHandler) as server:
        print(server.server_port, file=pipe, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
