"""What Meta tells of an access token, and of the app that it is of: `/debug_token`, `/app`."""

from collections.abc import Iterable

from sandbox.http import Call
from sandbox.whatsapp.errors import GraphError
from sandbox.whatsapp.number import Number

Record = dict[str, object]

EDGES = ("app", "debug_token")
SCOPES = ["whatsapp_business_management", "whatsapp_business_messaging"]


def is_app(number: Number, call: Call) -> bool:
    """Whether the call shows the app's own token."""
    settings = number.settings
    return call.header(b"authorization") == f"Bearer {settings.app_id}|{settings.app_secret}"


def answer(number: Number, numbers: Iterable[Number], call: Call, edge: str) -> Record:
    """`number`: whose token the call shows."""
    if call.method != "GET":
        raise GraphError(100, message=f"Unsupported {call.method.lower()} request.", subcode=33)
    if edge == "app":
        return {"id": number.settings.app_id, "name": "Shop"}
    if not number.settings.token_has_role and not is_app(number, call):
        raise GraphError(
            100,
            message="(#100) You must provide an app access token, or a user access token that is"
            " an owner or developer of the app",
        )
    asked = call.query.get("input_token", "")
    if not asked:
        raise GraphError(100, message="(#100) The parameter input_token is required")
    found = (one for one in numbers if one.settings.access_token == asked)
    return {"data": _told(next(found, None))}


def _told(number: Number | None) -> Record:
    if number is None:
        error = {"code": 190, "message": "Invalid OAuth access token."}
        return {"error": error, "is_valid": False, "scopes": []}
    settings, now = number.settings, number.clock.now()
    ends = int(settings.token_expires_at)
    return {
        "app_id": settings.app_id,
        "type": "SYSTEM_USER",
        "application": "Shop",
        "data_access_expires_at": int(settings.data_access_expires_at),
        "expires_at": ends,
        "is_valid": not ends or now < ends,
        "scopes": SCOPES,
        "granular_scopes": [{"scope": scope} for scope in SCOPES],
        "user_id": "122094847392017364",
    }
