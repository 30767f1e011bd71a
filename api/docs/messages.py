"""What operations about conversations, WhatsApp and effects answer; see `answers`."""

from __future__ import annotations

from api.docs.shapes import (
    COUNT,
    FLAG,
    MAP,
    MAYBE_TEXT,
    MAYBE_TIME,
    MONEY,
    NEXT,
    TEXT,
    TIME,
    Schema,
    fields,
    many,
    maybe,
    one_of,
    some,
)

CONVERSATION = fields(
    id=TEXT,
    name=TEXT,
    phone=TEXT,
    userId=TEXT,
    language=TEXT,
    unread=COUNT,
    windowOpen=FLAG,
    windowEndsAt=MAYBE_TIME,
    lastMessage=maybe(fields(text=TEXT, direction=one_of("in", "out"), status=TEXT, at=TIME)),
    handedOver=maybe(fields(by=TEXT, at=TIME)),
    consent=maybe(fields(state=TEXT, source=TEXT, at=TIME)),
    customerId=MAYBE_TEXT,
) | {"description": "free text only while `windowOpen`; `handedOver`: a person answers"}
SAID = fields(
    id=TEXT,
    direction=one_of("in", "out"),
    type=TEXT,
    text=TEXT,
    status=TEXT,
    reason=TEXT,
    at=TIME,
    media=maybe(MAP),
    file=maybe(some(state=TEXT, mimeType=MAYBE_TEXT, size=COUNT, reason=MAYBE_TEXT)),
    context=maybe(MAP),
    edited=FLAG,
    deleted=FLAG,
)
ABOUT = fields(type=TEXT, id=TEXT)
MESSAGE = fields(
    id=TEXT,
    messageId=TEXT,
    conversationId=TEXT,
    to=TEXT,
    kind=TEXT,
    purpose=MAYBE_TEXT,
    state=one_of("accepted", "held", "sent", "failed", "unknown", "dropped", "cancelled"),
    reason=MAYBE_TEXT,
    why=MAYBE_TEXT,
    until=MAYBE_TIME,
    delivery=MAYBE_TEXT,
    vendorId=MAYBE_TEXT,
    text=MAYBE_TEXT,
    template=MAYBE_TEXT,
    language=MAYBE_TEXT,
    attempts=COUNT,
    about=maybe(ABOUT),
    key=TEXT,
    createdAt=TIME,
    updatedAt=TIME,
) | {"description": "`state`: what became of it here; `delivery`: how far WhatsApp brought it"}
EFFECT = fields(
    key=TEXT,
    effect=TEXT,
    platform=TEXT,
    about=ABOUT,
    reason=TEXT,
    claimedAt=TIME,
    listed=FLAG,
    resendable=FLAG,
    message=maybe(MESSAGE),
    help=MAYBE_TEXT,
)
TEMPLATES = fields(
    templates=many(
        some(
            name=TEXT, language=TEXT, status=TEXT, category=TEXT, quality=TEXT, body=TEXT,
            reason=TEXT,
        )
    ),
    needed=many(fields(name=TEXT, language=TEXT, body=TEXT)),
    listedAt=MAYBE_TIME,
    trouble=MAYBE_TEXT,
)  # fmt: skip
SUBMITTED = some(name=TEXT, language=TEXT, submitted=FLAG, status=TEXT, reason=TEXT)
NOTIFICATIONS = fields(month=fields(name=TEXT, spent=MONEY, currency=TEXT, messages=COUNT)) | {
    "description": "the settings, as PUT takes them, and what this month has cost"
}
WRONG = fields(
    sku=TEXT, type=TEXT, entityId=TEXT, replica=TEXT, reason=TEXT, at=TIME
)  # fmt: skip
UPDATE = fields(
    field=TEXT, value=MAP, applied=TEXT, trouble=TEXT, replica=TEXT, at=TIME
)  # fmt: skip


def messages(job: Schema) -> dict[str, Schema]:
    """By the names of their functions; `job`: how a job is told."""
    return {
        "list_conversations": fields(conversations=many(CONVERSATION), next=NEXT),
        "show_conversation": CONVERSATION,
        "list_messages": fields(messages=many(SAID), next=NEXT),
        "reply": fields(id=TEXT, state=TEXT, reason=TEXT),
        "hand_over": CONVERSATION,
        "mark_read": CONVERSATION,
        "send_message": MESSAGE,
        "list_sent_messages": fields(messages=many(MESSAGE)),
        "get_message": MESSAGE,
        "held": fields(held=many(MESSAGE)),
        "release": MESSAGE,
        "cancel": MESSAGE,
        "list_templates": TEMPLATES,
        "submit_templates": {"allOf": [fields(submitted=many(SUBMITTED)), TEMPLATES]},
        "get_notifications": NOTIFICATIONS,
        "set_notifications": NOTIFICATIONS,
        "list_effects": fields(state=TEXT, effects=many(EFFECT)),
        "resend": MESSAGE,
        "sync_catalog": fields(jobs=many(job)),
        "show_catalog": fields(jobs=many(job), errors=COUNT),
        "list_errors": fields(errors=many(WRONG)),
        "list_updates": fields(updates=many(UPDATE)),
    }
