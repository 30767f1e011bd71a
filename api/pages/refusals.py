"""What Meta says when it does not take something, in a shopkeeper's words and language: by the
error's code (connectors/whatsapp/codes.py has what is done about each), Meta's own words behind."""

from __future__ import annotations

import re
from collections.abc import Callable

from api.pages.i18n import N_, _
from api.pages.told import told_word

_TOKEN = N_(
    "WhatsApp's access token has ended or is wrong. Make a new one at Meta and enter it under "
    "Settings."
)
_RIGHTS = N_(
    "The access token lacks a permission. Give its system user the rights to this account at Meta."
)
_BLOCKED = N_("Meta has blocked this WhatsApp account. Meta's business pages say why.")
_BUSY = N_("WhatsApp takes no more for the moment. It is tried again by itself.")
_TROUBLE = N_("WhatsApp had trouble of its own. It is tried again by itself.")
_VALUE = N_("WhatsApp does not accept a value in it.")
_UNWANTED = N_(
    "Meta chose not to deliver this to the customer. It is not tried again for 24 hours."
)
_TEMPLATE = N_(
    "WhatsApp does not accept this template as it is: Meta does not have it in this language, or "
    "its values do not fit."
)
CODES = {
    0: _TOKEN,
    190: _TOKEN,
    3: _RIGHTS,
    10: _RIGHTS,
    200: _RIGHTS,
    131005: _RIGHTS,
    368: _BLOCKED,
    131031: _BLOCKED,
    130497: N_("Meta does not let this account write to customers in that country."),
    4: _BUSY,
    80007: _BUSY,
    80009: _BUSY,
    80014: _BUSY,
    130429: _BUSY,
    1: _TROUBLE,
    2: _TROUBLE,
    131000: _TROUBLE,
    131016: _TROUBLE,
    131057: _TROUBLE,
    133004: _TROUBLE,
    131056: N_("Too many messages to this customer within a minute. It goes out in a moment."),
    131048: N_("Meta limits this number: customers reported its messages. Write less for a while."),
    33: _VALUE,
    100: _VALUE,
    131008: _VALUE,
    131009: _VALUE,
    131021: N_("The recipient is the shop's own number."),
    131026: N_(
        "This number is not on WhatsApp, or cannot be written to. Reach the customer another way."
    ),
    131047: N_(
        "The customer has not written within the last 24 hours: only an approved template can be "
        "sent."
    ),
    131049: _UNWANTED,
    130472: _UNWANTED,
    131050: N_("The customer has stopped marketing messages."),
    131051: N_("WhatsApp does not know this kind of message."),
    131053: N_("WhatsApp could not fetch the picture or document. Try a smaller or another one."),
    132000: _TEMPLATE,
    132001: _TEMPLATE,
    132005: _TEMPLATE,
    132007: _TEMPLATE,
    132012: _TEMPLATE,
    132015: N_("Meta has paused this template: customers did not like it."),
    132016: N_("Meta has disabled this template. Another one is needed."),
}
REJECTED = {
    "ABUSIVE_CONTENT": N_("Meta finds its content offensive."),
    "INVALID_FORMAT": N_("Its form is wrong: look at the places for values."),
    "PROMOTIONAL": N_("Meta takes it for advertising: submit it as a marketing template."),
    "SCAM": N_("Meta takes it for fraud."),
    "TAG_CONTENT_MISMATCH": N_("Its language or category does not fit its text."),
    "INCORRECT_CATEGORY": N_("Its language or category does not fit its text."),
}
"""Why Meta rejected a template (`rejected_reason`)."""
_FIRST = re.compile(r"(\d{1,6}): .+", re.DOTALL)
_LAST = re.compile(r".+ \((\d{1,6})\)", re.DOTALL)


def plain_word(text: str) -> str:
    """`131047: Re-engagement message` and `the customer … (131047)` to our sentence; what has no
    code that we know is told as anything else."""
    sentence, _behind = _read(text)
    return _(sentence) if sentence else told_word(text)


def behind_word(text: str) -> str:
    """Meta's own words and code, where a sentence of ours stands for them; else empty."""
    return _read(text)[1]


def _read(text: str) -> tuple[str, str]:
    if text in REJECTED:
        return REJECTED[text], text
    for form in (_FIRST, _LAST):
        if found := form.fullmatch(text):
            code = int(found[1])
            sentence = CODES.get(200 if 200 <= code <= 299 else code, "")
            return sentence, (text if form is _FIRST else found[1]) if sentence else ""
    return "", ""


WORDS: dict[str, Callable[..., str]] = {"plainly": plain_word, "behind": behind_word}
