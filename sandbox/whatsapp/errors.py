"""Graph API errors: the code decides, the HTTP status is what Meta happens to send with it.

GraphError: the platform refuses the call; whether repeating helps depends on its code.
"""

import secrets
from typing import Any

Record = dict[str, Any]

# code: (HTTP status, message, details)
KNOWN: dict[int, tuple[int, str, str]] = {
    0: (401, "AuthException", ""),
    1: (400, "An unknown error occurred", ""),
    2: (503, "Service temporarily unavailable", ""),
    4: (400, "(#4) Application request limit reached", ""),
    10: (403, "(#10) Application does not have permission for this action", ""),
    33: (400, "(#33) Parameter value is not valid", ""),
    100: (400, "(#100) Invalid parameter", ""),
    190: (401, "Invalid OAuth access token - Cannot parse access token", ""),
    200: (403, "(#200) Permissions error", ""),
    368: (403, "(#368) Temporarily blocked for policies violations", ""),
    80007: (400, "(#80007) Rate limit issues", ""),
    80009: (400, "(#80009) There have been too many calls to this catalog account. Wait a bit and"
            " try again.", ""),
    80014: (400, "(#80014) There have been too many calls for the batch uploads to this catalog"
            " account. Wait a bit and try again.", ""),
    130429: (400, "(#130429) Rate limit hit", "Cloud API message throughput has been reached."),
    131000: (500, "(#131000) Something went wrong", ""),
    131008: (400, "(#131008) Required parameter is missing", ""),
    131009: (400, "(#131009) Parameter value is not valid", ""),
    131016: (500, "(#131016) Service unavailable", ""),
    131021: (400, "(#131021) Recipient cannot be sender", ""),
    131026: (400, "(#131026) Message undeliverable", "Message undeliverable."),
    131031: (403, "(#131031) Business Account locked", ""),
    131047: (400, "(#131047) Re-engagement message", "Message failed to send because more than 24"
             " hours have passed since the customer last replied to this number."),
    131048: (400, "(#131048) Spam rate limit hit", ""),
    131049: (400, "(#131049) This message was not delivered to maintain healthy ecosystem"
             " engagement.", ""),
    131050: (400, "(#131050) User has stopped marketing messages", ""),
    131051: (400, "(#131051) Unsupported message type", ""),
    131056: (400, "(#131056) (Business Account, Consumer Account) pair rate limit hit",
             "Message failed to send because there were too many messages sent from this phone"
             " number to the same phone number in a short period of time."),
    131057: (500, "(#131057) Account in maintenance mode", ""),
    132000: (400, "(#132000) Number of parameters does not match the expected number of"
             " params", ""),
    132001: (404, "(#132001) Template name does not exist in the translation", ""),
    132012: (400, "(#132012) Parameter format does not match format in the created template", ""),
    132015: (400, "(#132015) Template is paused", ""),
    132016: (400, "(#132016) Template is disabled", ""),
    133004: (503, "(#133004) Server temporarily unavailable", ""),
}  # fmt: skip


class GraphError(Exception):
    def __init__(
        self,
        code: int,
        details: str = "",
        *,
        message: str = "",
        status: int = 0,
        subcode: int = 0,
        headers: dict[str, str] | None = None,
    ) -> None:
        known_status, known_message, known_details = KNOWN.get(code, (400, f"(#{code}) Error", ""))
        super().__init__(message or known_message)
        self.code = code
        self.status = status or known_status
        self.message = message or known_message
        self.details = details or known_details
        self.subcode = subcode
        self.headers = headers or {}

    def document(self) -> Record:
        error: Record = {"message": self.message, "type": "OAuthException"}
        if self.code == 2:
            error["is_transient"] = True
        error["code"] = self.code
        if self.subcode:
            error["error_subcode"] = self.subcode
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        error["fbtrace_id"] = f"A{secrets.token_urlsafe(16)}"
        return {"error": error}


def short_message(code: int) -> str:
    """Without the number, as statuses carry it."""
    return KNOWN.get(code, (400, f"(#{code}) Error", ""))[1].partition(") ")[2] or "Error"
