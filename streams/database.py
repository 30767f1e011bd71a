"""MongoDB is opened here and nowhere else, and the indexes of our own collections are made here."""

from __future__ import annotations

from typing import Any

from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from schemas.settings import Endpoints

Document = dict[str, Any]
Database = AsyncDatabase[Document]

DEFAULT_DATABASE = "smartstore"
CALL_MS = 20_000
SILENT_MS = 30_000

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    "ss_organizations": (
        IndexModel(
            [("apiKeys.hash", ASCENDING)],
            name="api_key",
            unique=True,
            partialFilterExpression={"apiKeys.hash": {"$exists": True}},
        ),
    ),
    "ss_integrations": (
        IndexModel(
            [("organizationId", ASCENDING), ("replica", ASCENDING)], name="replica", unique=True
        ),
        IndexModel(
            [("platform", ASCENDING), ("settings.phone_number_id", ASCENDING)], name="phone_number"
        ),
    ),
    "ss_links": (
        # One document is a link (externalId) or a claim of a match key (matchKey), never both.
        IndexModel(
            [
                ("organizationId", ASCENDING),
                ("replica", ASCENDING),
                ("type", ASCENDING),
                ("externalId", ASCENDING),
            ],
            name="external_id",
            unique=True,
            partialFilterExpression={"externalId": {"$exists": True}},
        ),
        IndexModel(
            [("organizationId", ASCENDING), ("matchType", ASCENDING), ("matchKey", ASCENDING)],
            name="match_key",
            unique=True,
            partialFilterExpression={"matchKey": {"$exists": True}},
        ),
        IndexModel(
            [
                ("organizationId", ASCENDING),
                ("type", ASCENDING),
                ("entityId", ASCENDING),
                ("replica", ASCENDING),
            ],
            name="entity_id",
        ),
        # A deletion without a pre-image tells an id, not whose it was.
        IndexModel(
            [("externalId", ASCENDING), ("replica", ASCENDING), ("type", ASCENDING)],
            name="whose",
            partialFilterExpression={"externalId": {"$exists": True}},
        ),
    ),
    "ss_inbox": (
        IndexModel([("state", ASCENDING), ("_id", ASCENDING)], name="held"),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_effects": (
        IndexModel(
            [("organizationId", ASCENDING), ("effectKey", ASCENDING)],
            name="effect_key",
            unique=True,
        ),
        IndexModel(
            [("organizationId", ASCENDING), ("state", ASCENDING), ("updatedAtMs", DESCENDING)],
            name="state",
        ),
    ),
    "ss_sends": (
        IndexModel([("organizationId", ASCENDING), ("key", ASCENDING)], name="key", unique=True),
        IndexModel([("state", ASCENDING), ("dueAtMs", ASCENDING)], name="due"),
        IndexModel(
            [("organizationId", ASCENDING), ("state", ASCENDING), ("createdAtMs", DESCENDING)],
            name="state",
        ),
        IndexModel(
            [("organizationId", ASCENDING), ("to", ASCENDING), ("createdAtMs", DESCENDING)],
            name="to",
        ),
        IndexModel([("organizationId", ASCENDING), ("group", ASCENDING)], name="group"),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_conflicts": (
        IndexModel(
            [("organizationId", ASCENDING), ("status", ASCENDING), ("openedAtMs", DESCENDING)],
            name="status",
        ),
        IndexModel(
            [("organizationId", ASCENDING), ("type", ASCENDING), ("entityId", ASCENDING)],
            name="entity",
        ),
        # What was decided: by rules (many), or by people (few, and learnt from).
        IndexModel(
            [
                ("organizationId", ASCENDING),
                ("status", ASCENDING),
                ("automatic", ASCENDING),
                ("openedAtMs", DESCENDING),
                ("_id", DESCENDING),
            ],
            name="decided",
        ),
        IndexModel(
            [("organizationId", ASCENDING), ("brake", ASCENDING), ("openedAtMs", DESCENDING)],
            name="held",
            partialFilterExpression={"status": "open", "brake": {"$gt": ""}},
        ),
        IndexModel(
            [("organizationId", ASCENDING), ("resolutionId", ASCENDING)],
            name="action",
            partialFilterExpression={"resolutionId": {"$gt": ""}},
        ),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_policy_versions": (
        IndexModel([("organizationId", ASCENDING), ("version", DESCENDING)], name="newest"),
    ),
    "ss_entities": (
        IndexModel(
            [("organizationId", ASCENDING), ("type", ASCENDING), ("places", ASCENDING)],
            name="places",
        ),
        IndexModel([("organizationId", ASCENDING), ("words", ASCENDING)], name="words"),
        IndexModel(
            [("organizationId", ASCENDING), ("low", ASCENDING)],
            name="low",
            partialFilterExpression={"low": {"$exists": True}},
        ),
        IndexModel(
            [("organizationId", ASCENDING), ("owedSinceMs", ASCENDING)],
            name="owed",
            partialFilterExpression={"owedSinceMs": {"$exists": True}},
        ),
        IndexModel(
            [("organizationId", ASCENDING), ("thread", ASCENDING), ("sentMs", DESCENDING)],
            name="thread",
            partialFilterExpression={"thread": {"$gt": ""}},
        ),
        IndexModel(
            [("organizationId", ASCENDING), ("people", ASCENDING)],
            name="people",
            partialFilterExpression={"people": {"$gt": ""}},
        ),
        IndexModel(
            [("atMs", ASCENDING)], name="shipments", partialFilterExpression={"type": "shipment"}
        ),
    ),
    "ss_history": (
        IndexModel(
            [
                ("organizationId", ASCENDING),
                ("type", ASCENDING),
                ("entityId", ASCENDING),
                ("atMs", DESCENDING),
                ("offset", DESCENDING),
            ],
            name="entity",
        ),
        IndexModel([("organizationId", ASCENDING), ("atMs", DESCENDING)], name="newest"),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_analytics": (
        IndexModel([("organizationId", ASCENDING), ("day", ASCENDING)], name="day"),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_archive": (IndexModel([("location", ASCENDING), ("kind", ASCENDING)], name="kind"),),
    "ss_erasures": (
        IndexModel([("organizationId", ASCENDING), ("requestedAtMs", DESCENDING)], name="newest"),
    ),
    "ss_deadletter": (
        IndexModel([("organizationId", ASCENDING), ("atMs", DESCENDING)], name="newest"),
    ),
    "ss_alerts": (
        IndexModel(
            [("organizationId", ASCENDING), ("open", ASCENDING), ("sinceMs", ASCENDING)],
            name="open",
        ),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_alert_messages": (
        IndexModel([("organizationId", ASCENDING), ("atMs", DESCENDING)], name="newest"),
        IndexModel(
            [("organizationId", ASCENDING), ("due", ASCENDING)],
            name="due",
            partialFilterExpression={"due": True},
        ),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_audit": (
        IndexModel(
            [("organizationId", ASCENDING), ("atMs", DESCENDING), ("_id", DESCENDING)], name="page"
        ),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_people": (
        IndexModel([("email", ASCENDING)], name="email", unique=True),
        IndexModel([("organizationId", ASCENDING), ("email", ASCENDING)], name="organization"),
    ),
    "ss_jobs": (
        IndexModel([("organizationId", ASCENDING), ("startedAtMs", DESCENDING)], name="newest"),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
        IndexModel([("state", ASCENDING), ("startedAtMs", ASCENDING)], name="waiting"),
        IndexModel(
            [("alone", ASCENDING)],
            name="alone",
            unique=True,
            partialFilterExpression={"open": True, "alone": {"$exists": True}},
        ),
    ),
    "ss_previews": (
        IndexModel(
            [("jobId", ASCENDING), ("entityId", ASCENDING), ("type", ASCENDING)], name="entity"
        ),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_shipments": (
        IndexModel([("organizationId", ASCENDING), ("createdAtMs", DESCENDING)], name="newest"),
        IndexModel([("organizationId", ASCENDING), ("orderId", ASCENDING)], name="order"),
        IndexModel([("organizationId", ASCENDING), ("number", ASCENDING)], name="number"),
        IndexModel([("organizationId", ASCENDING), ("shippedAtMs", ASCENDING)], name="shipped"),
        IndexModel([("state", ASCENDING), ("nextMs", ASCENDING)], name="due"),
    ),
    "ss_tracking": (
        IndexModel(
            [("account", ASCENDING), ("organizationId", ASCENDING), ("dueAtMs", ASCENDING)],
            name="due",
            partialFilterExpression={"live": True},
        ),
        IndexModel([("organizationId", ASCENDING), ("shipmentId", ASCENDING)], name="shipment"),
        IndexModel([("organizationId", ASCENDING), ("orderId", ASCENDING)], name="order"),
    ),
    "ss_conversations": (
        IndexModel(
            [("organizationId", ASCENDING), ("conversationId", ASCENDING)],
            name="conversation",
            unique=True,
        ),
        IndexModel(
            [
                ("organizationId", ASCENDING),
                ("lastMs", DESCENDING),
                ("conversationId", DESCENDING),
            ],
            name="newest",
        ),
    ),
    "ss_whatsapp_updates": (
        IndexModel([("organizationId", ASCENDING), ("atMs", DESCENDING)], name="newest"),
        IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),
    ),
    "ss_catalogue_errors": (
        IndexModel([("organizationId", ASCENDING), ("atMs", DESCENDING)], name="newest"),
    ),
    "ss_media": (
        IndexModel(
            [("nextMs", ASCENDING)], name="due", partialFilterExpression={"state": "wanted"}
        ),
    ),
    "ss_tokens": (IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),),
    "ss_sessions": (IndexModel([("expiresAt", ASCENDING)], name="expiry", expireAfterSeconds=0),),
}
"""`ss_checkpoints`, `ss_capabilities`, `ss_templates`, `ss_spend`, `ss_troubles` and
`ss_alert_settings` are found by `_id` alone."""


def open_database(
    endpoints: Endpoints,
    *,
    application: str = "smartstore-sync",
    timeout_ms: int | None = CALL_MS,
) -> Database:
    """The database that DATABASE_URL names (`smartstore` if it names none).

    Connects on first use; close with `await database.client.close()`. Writes are acknowledged by a
    majority with journal, reads see only such data: what we answer 2xx for survives a failover.
    Errors: PyMongoError subclasses; server selection gives up after 5 s, a call after `timeout_ms`.
    None is for the change stream, whose calls wait for news: there a silent socket ends a call.
    """
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        endpoints.database_url.get_secret_value(),
        appname=application,
        tz_aware=True,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        retryWrites=True,
        retryReads=True,
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        timeoutMS=timeout_ms,
        socketTimeoutMS=None if timeout_ms else SILENT_MS,
        maxPoolSize=64,
    )
    return client.get_default_database(DEFAULT_DATABASE)


async def ensure_indexes(database: Database) -> None:
    """Make every index of our own collections. Safe to repeat and to run from several processes."""
    for collection, indexes in INDEXES.items():
        await database[collection].create_indexes(list(indexes))
