"""Every document of the followed collections, page by page, so that a crash goes on where it was;
and after a lost token, what is no longer there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from bson.timestamp import Timestamp

from connectors.errors import Malformed
from connectors.mongodb.mapping import SEPARATOR, id_text, variants_of
from connectors.mongodb.position import Position
from connectors.mongodb.source import PageReader
from connectors.mongodb.stored import id_values
from streams.cdc.records import absent_record, organization_of, snapshot_record
from streams.database import Database, Document
from streams.identity import HOME
from streams.kafka.records import Outgoing

log = structlog.get_logger(__name__)

PAGE = 500
ABSENT = "(absent)"
"""Stands for the last step of a snapshot in a position's `collection`."""

Publish = Callable[[Sequence[Outgoing]], Awaitable[None]]
Save = Callable[[Position], Awaitable[None]]
Skip = Callable[[str, str], None]
"""(collection, why): a document that cannot be followed."""


class Snapshot:
    """One pass. Documents are pushes: an older one than what is known changes nothing."""

    def __init__(
        self,
        database: Database,
        collections: Mapping[str, str],
        publish: Publish,
        save: Save,
        skip: Skip,
        clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._collections = collections
        self._publish = publish
        self._save = save
        self._skip = skip
        self._clock_ms = clock_ms
        self._pages = PageReader(database, PAGE)

    async def run(self, position: Position) -> Position:
        """From where the position says to the end. Raises PyMongoError, PublishFailed."""
        names = list(self._collections)
        if position.collection in names:
            names = names[names.index(position.collection) :]
        elif position.collection == ABSENT:
            names = []
        for name in names:
            after = position.after if name == position.collection else None
            position = await self._collection(position.moved(collection=name, after=after))
        if position.resnapshot:
            await self._absent(position)
        return position

    async def _collection(self, position: Position) -> Position:
        name = position.collection
        entity_type = self._collections[name]
        while True:
            async with self._database.client.start_session(causal_consistency=True) as session:
                documents, at = await self._pages.page(name, position.after, session)
            if not documents:
                return position
            records = []
            for document in documents:
                if not organization_of(document):
                    self._skip(name, "no organizationId")
                    continue
                try:
                    records.append(
                        snapshot_record(
                            name,
                            self._database.name,
                            document,
                            at,
                            entity_type,
                            self._clock_ms(),
                        )
                    )
                except Malformed as error:
                    self._skip(name, str(error))
            await self._publish(records)
            position = position.moved(after=documents[-1]["_id"])
            await self._save(position)

    async def _absent(self, position: Position) -> None:
        """Notices of deletion for linked items that are gone."""
        last = position.after if position.collection == ABSENT else ""
        while True:
            where = {"replica": HOME, "_id": {"$gt": last}, "externalId": {"$exists": True}}
            links = await self._database["ss_links"].find(where).sort("_id").limit(PAGE).to_list()
            if not links:
                return
            async with self._database.client.start_session(causal_consistency=True) as session:
                await self._database.command("ping", session=session)
                at = session.operation_time or Timestamp(0, 0)
                records = await self._missing(links, at, session)
            await self._publish(records)
            last = links[-1]["_id"]
            await self._save(position.moved(collection=ABSENT, after=last))

    async def _missing(
        self, links: Sequence[Document], at: Timestamp, session: Any
    ) -> list[Outgoing]:
        of_type = {entity_type: name for name, entity_type in self._collections.items()}
        asked: dict[str, list[Document]] = defaultdict(list)
        for link in links:
            name = of_type.get("product" if link["type"] == "variation" else link["type"])
            if name:
                asked[name].append(link)
        records = []
        for name, batch in asked.items():
            ids = [value for link in batch for value in id_values(_document_id(link))]
            cursor = self._database[name].find(
                {"_id": {"$in": ids}}, {"variants.sku": 1, "organizationId": 1}, session=session
            )
            there = {
                (organization_of(row), id_text(row["_id"])): {sku for sku, _ in variants_of(row)}
                async for row in cursor
            }
            for link in batch:
                skus = there.get((link["organizationId"], _document_id(link)))
                if record := self._notice(name, link, skus, at):
                    records.append(record)
        return records

    def _notice(
        self, name: str, link: Document, skus: set[str] | None, at: Timestamp
    ) -> Outgoing | None:
        """None for what is still there."""
        sku = ""
        if link["type"] == "variation":
            sku = link["externalId"].partition(SEPARATOR)[2]
            if skus is not None and sku in skus:
                return None
        elif skus is not None:
            return None
        return absent_record(
            name,
            self._database.name,
            _document_id(link),
            at,
            "product" if sku else link["type"],
            link["organizationId"],
            [sku] if sku else [],
            self._clock_ms(),
        )


def _document_id(link: Document) -> str:
    external_id = str(link["externalId"])
    return external_id.partition(SEPARATOR)[0] if link["type"] == "variation" else external_id
