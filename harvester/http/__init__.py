"""Asking a service over HTTP as a good guest: identified, paced, patient, and no host but those allowed.

A request goes through `Session`, which waits for its turn at the host (`pacing`), asks again what failed in passing
(`patience`), unpacks what came (`packing`) and shows no secret (`masking`).
"""

from harvester.http.errors import BeyondItsEnd, TooLongAnswer
from harvester.http.patience import Patience
from harvester.http.session import USER_AGENT, Session, basic_auth
from harvester.http.told_headers import headers_told

__all__ = ["USER_AGENT", "BeyondItsEnd", "Patience", "Session", "TooLongAnswer", "basic_auth", "headers_told"]
