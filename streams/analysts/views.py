"""The tables an analyst sees, with what each column holds. `docs/analysts.md` is made from here.

All of one organisation. Times are in the shop's time zone; amounts are DECIMAL(18,4) with their
currency beside them; what may be of any shape is JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

RAW = "archived"
"""The archive's files as they are."""


@dataclass(frozen=True)
class View:
    """One view."""

    holds: str
    columns: dict[str, str]
    sql: str


MACROS = (
    "CREATE MACRO at_ms_time(ms) AS to_timestamp(CAST(ms AS BIGINT) / 1000.0)",
    "CREATE MACRO told(v, name) AS json_extract_string(v, '$.' || name)",
    "CREATE MACRO agreed(r, name) AS json_extract_string(r, '$.fields.' || name || '[0]')",
    "CREATE MACRO agreed_json(r, name) AS json_extract(r, '$.fields.' || name || '[0]')",
    "CREATE MACRO amount(t) AS TRY_CAST(t AS DECIMAL(18, 4))",
    "CREATE MACRO moment(t) AS TRY_CAST(t AS TIMESTAMPTZ)",
    """CREATE MACRO newest(kind) AS TABLE
    SELECT entity_id, arg_max(value, (at_ms, "offset")) AS record,
           at_ms_time(max(at_ms)) AS updated_at
    FROM archived
    WHERE topic = 'entities-changelog' AND type = kind AND value IS NOT NULL
    GROUP BY entity_id""",
)
"""Short words that the views, and whoever asks, may use. `newest('order')`: the newest record of
each entity of a type."""


EVENTS = View(
    "every record of every topic",
    {
        "happened_at": "when it was written",
        "topic": "inbound, observations, outcomes, resolutions, entities-changelog, commands.*, "
        "feed, conflicts, deadletter, ...",
        "kind": "what it is within its topic: seen, edit, outcome, changed, write, ...",
        "type": "product, variation, inventory, order, customer, message, shipment",
        "entity_id": "our id of the entity",
        "source": "the platform, or who said it",
        "value": "the record's JSON as text",
        "partition": "of the topic",
        '"offset"': "in the partition",
        "event": "its CloudEvents type",
        "headers": "its headers",
    },
    """SELECT at_ms_time(at_ms) AS happened_at, topic, kind, type, entity_id, source, value,
           partition, "offset", event, headers
    FROM archived""",
)

DECISIONS = View(
    "one line for everything that the engine decided or that came of it",
    {
        "happened_at": "when",
        "kind": "changed, sent, arrived, refused, conflict, resolved, deleted, failed, effect, "
        "relinked, unlinked",
        "type": "of the entity",
        "entity_id": "our id of it",
        "label": "what a person calls it",
        "action": "create, update or delete",
        "source": "whose edit it was",
        "replica": "the platform it reached, where it is about one",
        "fields": "JSON: new agreed values, or what arrived",
        "previous": "JSON: the values before",
        "version": "of the entity",
        "latency_ms": "from the change's arrival at us to this line (arrived)",
        "reason": "why, where something was refused or failed",
        "cause": "id of the sighting, answer or resolution behind it",
    },
    """SELECT at_ms_time(told(value, 'atMs')) AS happened_at, told(value, 'kind') AS kind,
           type, entity_id, told(value, 'label') AS label,
           coalesce(told(value, 'action'), 'update') AS action,
           coalesce(told(value, 'source'), '') AS source,
           coalesce(told(value, 'replica'), '') AS replica,
           json_extract(value, '$.fields') AS fields,
           json_extract(value, '$.previous') AS previous,
           CAST(told(value, 'version') AS BIGINT) AS version,
           TRY_CAST(told(value, 'latencyMs') AS BIGINT) AS latency_ms,
           coalesce(told(value, 'reason'), '') AS reason,
           coalesce(told(value, 'cause'), '') AS cause
    FROM archived WHERE topic = 'feed' AND value IS NOT NULL""",
)

CONFLICTS = View(
    "every conflict as it stands: asked of a person, or decided by a rule",
    {
        "conflict_id": "its id",
        "opened_at": "when",
        "closed_at": "when it was decided; null while it is open",
        "type": "of the entity",
        "entity_id": "our id of it",
        "label": "what a person calls it",
        "field": "the contested field; `existence` where a deletion is in question",
        "status": "open or resolved",
        "policy": "the rule that applied",
        "automatic": "decided by a rule, not by a person",
        "resolution": "how: newest, local, remote, merge, manual, keep, ...",
        "decided_by": "who",
        "challenger": "the platform whose change was in question",
        "brake": "stock, price or deletes where a brake held it",
        "candidates": "JSON: side to value",
        "value": "JSON: what stands since",
    },
    """SELECT conflict_id, at_ms_time(told(line, 'openedAtMs')) AS opened_at,
           CASE WHEN told(line, 'status') = 'resolved'
                THEN at_ms_time(told(line, 'atMs')) END AS closed_at,
           type, entity_id, told(line, 'label') AS label, told(line, 'field') AS field,
           told(line, 'status') AS status, told(line, 'policy') AS policy,
           coalesce(told(line, 'automatic') = 'true', false) AS automatic,
           coalesce(told(line, 'resolution'), '') AS resolution,
           coalesce(told(line, 'by'), '') AS decided_by,
           coalesce(told(line, 'challenger'), '') AS challenger,
           coalesce(told(line, 'brake'), '') AS brake,
           json_extract(line, '$.candidates') AS candidates, json_extract(line, '$.value') AS value
    FROM (SELECT told(value, 'id') AS conflict_id, any_value(type) AS type,
                 any_value(entity_id) AS entity_id,
                 arg_max(value, (CAST(told(value, 'version') AS BIGINT), at_ms)) AS line
          FROM archived WHERE topic = 'conflicts' AND value IS NOT NULL GROUP BY conflict_id)""",
)

ORDERS = View(
    "every order as it stands",
    {
        "order_id": "our id",
        "number": "what the shop calls it",
        "placed_at": "when it was placed",
        "placed_on": "the platform it was placed on",
        "status": "pending, processing, shipped, delivered, completed, cancelled, ...",
        "currency": "ISO 4217",
        "total": "amount",
        "shipping": "amount",
        "discount": "amount",
        "refunded": "amount paid back",
        "items": "JSON: lines with productId, sku, name, quantity, unitPrice, total",
        "payment_method": "cod, card, ...",
        "city": "where it is shipped to",
        "deleted": "whether it was deleted",
        "updated_at": "when its record was last written",
    },
    """SELECT entity_id AS order_id, agreed(record, 'number') AS number,
           moment(agreed(record, 'createdAt')) AS placed_at,
           agreed(record, 'placedOn') AS placed_on,
           agreed(record, 'status') AS status, agreed(record, 'currency') AS currency,
           amount(agreed(record, 'total')) AS total,
           amount(agreed(record, 'shippingTotal')) AS shipping,
           amount(agreed(record, 'discount')) AS discount,
           coalesce(list_sum(list_transform(
               from_json(agreed_json(record, 'refunds'), '[{"total": "VARCHAR"}]'),
               lambda one: amount(one.total))), 0) AS refunded,
           agreed_json(record, 'items') AS items,
           json_extract_string(record, '$.fields.payment[0].method') AS payment_method,
           coalesce(json_extract_string(record, '$.fields.shipping[0].city'),
                    json_extract_string(record, '$.fields.billing[0].city')) AS city,
           json_extract(record, '$.tombstone') IS NOT NULL AS deleted, updated_at
    FROM newest('order')""",
)

STOCK_LEVELS = View(
    "every change of every item's stock",
    {
        "happened_at": "when",
        "product_id": "our id of the item",
        "label": "its SKU, where it is known",
        "quantity": "from then on",
        "previous": "before",
        "change": "the difference",
        "source": "the platform that said so",
        "until": "when it changed next; null for the present stock",
    },
    """SELECT happened_at, entity_id AS product_id, label, quantity, previous,
           quantity - previous AS change, source,
           lead(happened_at) OVER (PARTITION BY entity_id ORDER BY happened_at, version) AS until
    FROM (SELECT happened_at, entity_id, label, version, source,
                 TRY_CAST(json_extract_string(fields, '$.quantity') AS BIGINT) AS quantity,
                 TRY_CAST(json_extract_string(previous, '$.quantity') AS BIGINT) AS previous
          FROM decisions WHERE kind = 'changed' AND type = 'inventory'
                           AND json_exists(fields, '$.quantity'))""",
)

SHIPMENTS = View(
    "every parcel as it stands",
    {
        "shipment_id": "our id",
        "order_id": "our id of its order",
        "courier": "its code: aramex, dhl, ...",
        "tracking_number": "the courier's",
        "status": "created, picked_up, in_transit, out_for_delivery, delivered, returned, ...",
        "created_at": "when it was made",
        "delivered_at": "when it was handed over; null: not yet",
        "hours": "from made to handed over",
        "cod_amount": "cash on delivery",
        "currency": "ISO 4217",
        "updated_at": "when its record was last written",
    },
    """SELECT entity_id AS shipment_id, order_id, courier, tracking_number, status, created_at,
           delivered_at, epoch(delivered_at - created_at) / 3600 AS hours, cod_amount, currency,
           updated_at
    FROM (SELECT entity_id, agreed(record, 'orderId') AS order_id,
                 agreed(record, 'courierCode') AS courier,
                 agreed(record, 'trackingNumber') AS tracking_number,
                 agreed(record, 'status') AS status,
                 moment(agreed(record, 'createdAt')) AS created_at,
                 CASE WHEN agreed(record, 'status') = 'delivered' THEN coalesce(
                     list_max(list_transform(list_filter(
                         from_json(agreed_json(record, 'events'),
                                   '[{"status": "VARCHAR", "timestamp": "VARCHAR"}]'),
                         lambda one: one.status = 'delivered'),
                         lambda one: moment(one.timestamp))),
                     at_ms_time(json_extract_string(record, '$.fields.status[1]'))
                 ) END AS delivered_at,
                 amount(agreed(record, 'codAmount')) AS cod_amount,
                 agreed(record, 'currency') AS currency,
                 updated_at
          FROM newest('shipment'))""",
)

LATENCY = View(
    "every change that arrived at a platform, with how long that took",
    {
        "happened_at": "when it had arrived",
        "replica": "the platform it reached",
        "type": "of the entity",
        "entity_id": "our id of it",
        "source": "whose edit it was, where the line tells",
        "latency_ms": "from the change's arrival at us",
    },
    """SELECT happened_at, replica, type, entity_id, source, latency_ms FROM decisions
    WHERE kind = 'arrived' AND latency_ms IS NOT NULL""",
)

VIEWS: dict[str, View] = {
    "events": EVENTS,
    "decisions": DECISIONS,
    "conflicts": CONFLICTS,
    "orders": ORDERS,
    "stock_levels": STOCK_LEVELS,
    "shipments": SHIPMENTS,
    "latency": LATENCY,
}
"""In an order in which each needs only those before it."""


def documented() -> str:
    """The views as Markdown, for docs/analysts.md."""
    found = []
    for name, view in VIEWS.items():
        rows = [f"| `{column}` | {holds} |" for column, holds in view.columns.items()]
        head = [f"### `{name}`", f"{view.holds[0].upper()}{view.holds[1:]}.", ""]
        found.append("\n".join([*head, "| column | what |", "|---|---|", *rows]))
    return "\n\n".join(found)
