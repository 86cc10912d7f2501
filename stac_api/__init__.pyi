from .app import create_app as create_app
from .serving import address_problem as address_problem
from .serving import serve_api as serve_api
from .settings import ApiSettings as ApiSettings
