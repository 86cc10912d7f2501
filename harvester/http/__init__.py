"""HTTP requests to services: identified, rate-limited, repeated with patience, and only to allowed hosts.

Every request goes through a `Session`. It waits for its turn at the host (`pacing`), repeats what failed temporarily
(`patience`), decompresses the answer within bounds (`packing`) and keeps secrets out of messages (`masking`).
"""

from harvester.http.errors import BeyondItsEnd, TooLongAnswer
from harvester.http.patience import Patience
from harvester.http.session import USER_AGENT, Session, basic_auth
from harvester.http.told_headers import headers_told

__all__ = ["USER_AGENT", "BeyondItsEnd", "Patience", "Session", "TooLongAnswer", "basic_auth", "headers_told"]
