"""What each operation answers, by the name of its function: a structure that is sent as it is, or
the names of an object. The answers of other operations are described by their routes' own types."""

from __future__ import annotations

from typing import Any

from api.analytics import ShownFigures
from api.certificate import ShownCertificate
from api.docs.messages import messages
from api.docs.shapes import (
    ANY,
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
    of,
    one_of,
    some,
)
from api.explained import ShownEntity, ShownHistory, ShownRow
from api.forcing import Forced
from api.timetravel import ShownThen, ShownVersion
from api.why import Why
from schemas.live import LiveConflict, LiveEvent, SyncStatus

STRUCTURES: tuple[type[Any], ...] = (
    Forced,
    LiveConflict,
    LiveEvent,
    ShownCertificate,
    ShownEntity,
    ShownFigures,
    ShownHistory,
    ShownRow,
    ShownThen,
    ShownVersion,
    SyncStatus,
    Why,
)

SECRETS: Schema = {
    "type": "object",
    "description": "which are set, by name; a value is never sent",
    "additionalProperties": some(
        set=FLAG, hint=TEXT, replacedAt=MAYBE_TIME, formerUntil=MAYBE_TIME
    ),
}
NUMBER: Schema = {"type": "number"}
MAYBE_COUNT: Schema = {"type": ["integer", "null"]}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
PROBE = fields(
    name=TEXT, ok=FLAG, durationMs=NUMBER
) | {"description": "`found` says what was seen, `fix` what helps"}  # fmt: skip
ALERT = fields(
    condition=TEXT, subject=TEXT, state=one_of("raised", "over"), title=TEXT, help=TEXT,
    link=TEXT, since=TIME, toldAt=MAYBE_TIME, overAt=MAYBE_TIME,
)  # fmt: skip
DELIVERY = fields(
    channel=one_of("email", "webhook", "whatsapp"), to=TEXT, state=one_of("due", "sent", "failed"),
    attempts=COUNT, reason=TEXT, at=MAYBE_TIME,
)  # fmt: skip
ALERT_MESSAGE = fields(id=TEXT, at=TIME, test=FLAG, lines=many(TEXT), deliveries=many(DELIVERY))
ALERT_SETTINGS = fields(
    emails=many(TEXT), webhookUrl=TEXT, whatsapp=many(TEXT), off=many(TEXT),
    language=one_of("en", "si", "ta"), conditions=many(fields(name=TEXT, title=TEXT)),
) | {"description": "`webhookSecret` is beside them where it was just made"}  # fmt: skip
JOB = fields(
    id=TEXT,
    kind=TEXT,
    replica=TEXT,
    state=one_of("queued", "running", "paused", "done", "failed", "cancelled"),
    done=COUNT,
    total=COUNT,
    details=MAP,
    startedAt=TIME,
    endedAt=MAYBE_TIME,
    reason=TEXT,
)
INTEGRATION = fields(
    id=TEXT,
    platform=TEXT,
    replica=TEXT,
    active=FLAG,
    confirmed=FLAG,
    firstSync=MAP,
    settings=MAP,
    secrets=SECRETS,
)
DECIDED = fields(accepted=FLAG, settled=FLAG, conflict=of(LiveConflict))
MANY_DECIDED = fields(
    actionId=TEXT,
    job=MAYBE_TEXT,
    state=one_of("queued", "done"),
    total=COUNT,
    counts=MAP,
    results=many(some(id=TEXT, state=TEXT, reason=TEXT, conflict=of(LiveConflict))),
)
ACTION = fields(
    actionId=TEXT, batch=MAYBE_TEXT, resolution=TEXT, state=TEXT, total=COUNT, done=COUNT,
    counts=MAP, problems=COUNT, reason=TEXT, startedAt=TIME,
)  # fmt: skip
HELD = some(id=TEXT, label=TEXT, entityId=TEXT, field=TEXT, at=TIME)
BATCH = fields(
    id=TEXT, brake=one_of("stock", "price", "deletes"), type=TEXT, replica=TEXT, count=COUNT,
    total=COUNT, title=TEXT, firstAt=TIME, lastAt=TIME, sample=many(HELD),
)  # fmt: skip
RULE = fields(type=TEXT, field=TEXT, platform=TEXT, policy=TEXT, winner=TEXT)
POLICIES = fields(
    version=COUNT, rules=many(RULE), brakes=MAP, automaticAt=SHARE, effectiveFrom=MAYBE_TIME
)
COURIER = fields(code=TEXT, name=TEXT, connected=FLAG) | {
    "description": "`fields` tells what it wants to know; the rest is there once it is connected"
}
TRACKING = some(
    trackingNumber=TEXT, courierCode=TEXT, status=TEXT, statusCode=MAYBE_TEXT, location=MAYBE_TEXT,
    timestamp=MAYBE_TEXT, description=MAYBE_TEXT, estimatedDelivery=MAYBE_TEXT, events=many(MAP),
)  # fmt: skip
SHIPMENT = fields(
    id=TEXT, orderId=MAYBE_TEXT, orderNumber=MAYBE_TEXT, courierCode=TEXT, reference=TEXT,
    state=TEXT, reason=TEXT, trackingNumber=MAYBE_TEXT, pieces=many(TEXT), labels=many(TEXT),
    warnings=many(TEXT), createdAt=TIME, shippedAt=MAYBE_TIME,
)  # fmt: skip
LETTER = fields(
    id=TEXT, topic=TEXT, key=TEXT, reason=TEXT, stage=TEXT, at=TIME, state=TEXT, retries=COUNT
)
HEALTH = fields(
    status=one_of("healthy", "degraded", "unhealthy"), timestamp=TIME, version=TEXT,
    environment=TEXT, uptime=COUNT,
    services=some(database=TEXT, redis=TEXT, websocket=TEXT, integrations=MAP),
)  # fmt: skip

CHOICE = fields(id=TEXT, type=TEXT, entityId=TEXT, field=TEXT, label=TEXT, openedAt=TIME) | {
    "description": "`then`: what became of it, `now`: what would"
}
PREVIEW = fields(
    kind=one_of("matched", "differing", "onlyHere", "onlyThere"),
    type=TEXT,
    entityId=MAYBE_TEXT,
    externalId=MAYBE_TEXT,
    label=TEXT,
    sku=TEXT,
    differences=ANY,
    note=TEXT,
)
PAIRED = fields(integrationId=TEXT, organizationId=TEXT, replica=TEXT, confirmed=FLAG)
PUZZLE = fields(
    trackingNumber=TEXT, courierCode=TEXT, shipmentId=MAYBE_TEXT, orderId=MAYBE_TEXT,
    events=many(MAP),
)  # fmt: skip
KEY = fields(
    id=TEXT, name=TEXT, role=TEXT, prefix=TEXT, createdAt=MAYBE_TIME, lastUsedAt=MAYBE_TIME,
    expiresAt=MAYBE_TIME,
)  # fmt: skip
NEW_KEY = fields(apiKey={"type": "string", "description": "shown this once"}, key=KEY)
PERSON = fields(
    id=TEXT, email=TEXT, name=TEXT, role=TEXT, hasPassword=FLAG, createdAt=TIME,
    lastLoginAt=MAYBE_TIME,
)  # fmt: skip
INVITED = fields(person=PERSON, invitation=TEXT)
AUDITED = some(
    at=TIME, who=TEXT, role=TEXT, what=TEXT, target=TEXT, status=COUNT, address=TEXT
)  # fmt: skip
ERASURE = fields(
    erasureId=TEXT, customerIds=many(TEXT), state=TEXT, requestedAt=TIME, doneAt=MAYBE_TIME,
    kafkaHoldsUntil=TIME,
)  # fmt: skip

ANSWERS: dict[str, Schema] = {
    **messages(JOB),
    "get_analytics": of(ShownFigures),
    "get_entity_at": of(ShownThen),
    "get_entity_versions": fields(versions=many(ShownVersion)),
    "post_whatif": JOB,
    "get_whatif": JOB,
    "show_preview": fields(job=JOB, counts=MAP, rows=many(PREVIEW), next=MAYBE_TEXT),
    "preview_policies": fields(
        counts=MAP, different=COUNT, conflicts=many(CHOICE), next=MAYBE_COUNT, incomplete=FLAG
    ),
    "pair": PAIRED,
    "callback": PAIRED,
    "make_shipments": fields(job=JOB, shipments=many(SHIPMENT), refused=many(MAP)),
    "attention": fields(parcels=many(PUZZLE)),
    "list_keys": fields(keys=many(KEY)),
    "add_key": NEW_KEY,
    "rotate_key": NEW_KEY,
    "list_people": fields(people=many(PERSON)),
    "invite_person": INVITED,
    "invite_again": INVITED,
    "change_person": PERSON,
    "list_audit": fields(audit=many(AUDITED), cursor=MAYBE_TEXT),
    "erase": some(
        erasureId=TEXT, jobId=TEXT, entities=MAP, dryRun=FLAG, customerIds=many(TEXT),
        archive=some(files=COUNT, events=COUNT), views=ANY,
    ),
    "list_erasures": fields(erasures=many(ERASURE)),
    "show_erasure": {"allOf": [ERASURE, fields(proof=maybe(MAP))]},
    "list_events": fields(events=many(LiveEvent), next=NEXT),
    "sync_status": of(SyncStatus),
    "force": of(Forced),
    "force_progress": of(Forced),
    "certificate": of(ShownCertificate),
    "certify": fields(jobs=many(JOB)),
    "list_jobs": fields(jobs=many(JOB)),
    "show_job": JOB,
    "steer_job": JOB,
    "list_entities": fields(entities=many(ShownRow), next=NEXT),
    "get_history": fields(events=many(ShownHistory), next=NEXT),
    "get_why": of(Why),
    "get_entity": of(ShownEntity),
    "list_conflicts": fields(conflicts=many(LiveConflict), next=NEXT),
    "resolve_many": MANY_DECIDED,
    "undo_action": MANY_DECIDED,
    "get_action": ACTION,
    "get_conflict": of(LiveConflict),
    "resolve_conflict": DECIDED,
    "undo_conflict": DECIDED,
    "list_batches": some(batches=many(BATCH), actions=many(ACTION)),
    "get_batch": some(items=many(HELD), next=NEXT),
    "decide_batch": MANY_DECIDED,
    "undo_batch": MANY_DECIDED,
    "list_alerts": fields(open=many(ALERT), history=many(ALERT)),
    "list_alert_messages": fields(messages=many(ALERT_MESSAGE)),
    "get_alert_settings": ALERT_SETTINGS,
    "put_alert_settings": ALERT_SETTINGS,
    "new_alert_secret": ALERT_SETTINGS,
    "send_test_alert": ALERT_MESSAGE,
    "make_code": fields(code=TEXT, expiresAt=TIME),
    "list_integrations": fields(integrations=many(INTEGRATION)),
    "create_integration": INTEGRATION,
    "get_integration": INTEGRATION,
    "change_integration": INTEGRATION,
    "switch_integration": INTEGRATION,
    "end_former": INTEGRATION,
    "test_integration": fields(ok=FLAG, durationMs=NUMBER, probes=many(PROBE)),
    "begin_preview": JOB,
    "confirm": some(integration=INTEGRATION),
    "authorize": fields(url=TEXT),
    "get_links": fields(type=TEXT, entityId=TEXT, items=MAP),
    "merge": fields(accepted=FLAG, entityId=TEXT, moved=many(some(replica=TEXT, item=TEXT))),
    "split": fields(accepted=FLAG, entityId=TEXT),
    "get_policies": POLICIES,
    "put_policies": POLICIES,
    "restore_version": POLICIES,
    "list_versions": fields(versions=many(some(savedAt=TIME, by=TEXT)), next=MAYBE_TEXT),
    "list_couriers": fields(couriers=many(COURIER)),
    "add_courier": COURIER,
    "change_courier": COURIER,
    "check_profile": fields(ok=FLAG, code=TEXT, name=TEXT),
    "test_courier": fields(ok=FLAG, durationMs=NUMBER, probes=many(PROBE)),
    "track": TRACKING,
    "ship_now": some(
        trackingNumber=MAYBE_TEXT, courierCode=TEXT, orderId=TEXT, status=TEXT,
        statusCode=MAYBE_TEXT, pieces=many(TEXT), labels=COUNT, warnings=many(TEXT),
        shipmentId=TEXT, labelUrl=MAYBE_TEXT, reason=TEXT,
    ),
    "list_shipments": fields(shipments=many(SHIPMENT)),
    "get_shipment": SHIPMENT,
    "cancel_shipment": SHIPMENT,
    "settle_shipment": SHIPMENT,
    "restock": fields(restocked={}),
    "list_cash": fields(
        totals=many(MAP),
        shipments=many(some(
            shipmentId=TEXT, orderId=MAYBE_TEXT, courierCode=TEXT, trackingNumber=MAYBE_TEXT,
            currency=TEXT, expected=MONEY, state=TEXT, collectedAt=MAYBE_TIME, paidAt=MAYBE_TIME,
        )),
    ),
    "note_payout": fields(payoutId=TEXT, matched=COUNT, paid=MONEY),
    "list_dead_letters": fields(deadLetters=many(LETTER), next=NEXT),
    "get_dead_letter": LETTER,
    "retry_dead_letter": fields(retried=FLAG),
    "health": HEALTH,
}  # fmt: skip

OTHER_CONTENT = {
    "get_history_at": ("application/x-ndjson",),
    "get_history_diff": ("application/x-ndjson",),
    "replay": ("application/x-ndjson",),
    "get_sheet": ("text/csv", "application/vnd.apache.parquet"),
    "show_media": ("image/jpeg", "image/png", "audio/ogg", "video/mp4", "application/pdf"),
    "pushed": ("text/plain",),
    "get_label": ("application/pdf", "image/png", "application/zpl"),
    "manifest": ("text/csv",),
    "whatsapp_challenge": ("text/plain",),
}
"""Answers that are no JSON."""
