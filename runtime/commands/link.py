"""`smartstore link show | merge | split`: which item of a platform is which entity."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from runtime.errors import CannotServe, SmartStoreError
from runtime.options import Organization

if TYPE_CHECKING:
    from runtime.here import Here
    from streams.kafka import Publisher
    from streams.links import Links

T = TypeVar("T")

Kind = Annotated[str, typer.Argument(metavar="TYPE", help="product, variation, customer, order.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]

link = typer.Typer(
    help="Which item of a platform is which entity: merge two that are one, split one that is two.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(link, name="link")


@link.command()
def show(
    entity_type: Kind,
    entity_id: Annotated[str, typer.Argument(help="Our id, as `why` and the pages show it.")],
    organization: Organization = "",
    as_json: AsJson = False,
) -> None:
    """The items of one entity."""

    async def read(links: Links, _publisher: Publisher, org: str) -> dict[str, str]:
        return await links.items(org, _known(entity_type), entity_id)

    found = _run(read, organization)
    if not found:
        raise SmartStoreError(f"no {entity_type} {entity_id} on any platform", fix="smartstore why")
    if as_json:
        _say(json.dumps(found, ensure_ascii=False))
        return
    for replica, item in sorted(found.items()):
        _say(f"{replica:<16} {item}")


@link.command()
def merge(
    entity_type: Kind,
    keep: Annotated[str, typer.Argument(help="The entity that stays.")],
    drop: Annotated[str, typer.Argument(help="The one that becomes part of it.")],
    item: Annotated[
        list[str] | None,
        typer.Option(help="platform=item: which one stays where both have one; else the kept's."),
    ] = None,
    organization: Organization = "",
) -> None:
    """Two entities are one. Where both have an item on one platform the other one is deleted (to
    the trash, where there is one)."""
    items = dict(_pair(one) for one in item or [])

    async def do(links: Links, publisher: Publisher, org: str) -> int:
        from streams.relinking import Relinking

        relinking = Relinking(links, publisher)
        moves = await relinking.merge(
            org, _known(entity_type), keep, drop, "the command line", items=items
        )
        return len(moves)

    moved = _run(do, organization)
    _say(f"{moved} item{'' if moved == 1 else 's'} moved to {keep}. smartstore why {keep}")


@link.command()
def split(
    entity_type: Kind,
    entity_id: Annotated[str, typer.Argument(help="Our id, as `why` and the pages show it.")],
    replica: Annotated[str, typer.Argument(help="The platform whose item is another thing.")],
    organization: Organization = "",
) -> None:
    """One entity is two: this platform's item gets an entity of its own. Merge takes it back."""

    async def do(links: Links, publisher: Publisher, org: str) -> str:
        from streams.relinking import Relinking

        relinking = Relinking(links, publisher)
        return await relinking.split(
            org, _known(entity_type), entity_id, replica, "the command line"
        )

    made = _run(do, organization)
    _say(f"{replica}'s item is {entity_type} {made} now. smartstore link show {entity_type} {made}")


def _known(entity_type: str) -> str:
    from schemas.fields import ENTITY_TYPES

    if entity_type == "inventory" or entity_type not in ENTITY_TYPES:
        raise SmartStoreError(
            f"no links of {entity_type}", fix="use product, variation, customer or order"
        )
    return entity_type


def _pair(given: str) -> tuple[str, str]:
    replica, equals, item = given.partition("=")
    if not replica or not equals or not item:
        raise SmartStoreError(f"--item {given} is not platform=item")
    return replica, item


def _run(work: Callable[[Links, Publisher, str], Awaitable[T]], organization: str) -> T:
    from runtime.here import here

    found = here()
    return asyncio.run(_with(found, work, organization or found.organization_id))


async def _with(
    place: Here, work: Callable[[Links, Publisher, str], Awaitable[T]], organization_id: str
) -> T:
    from pymongo.errors import PyMongoError

    from streams.cache import open_cache
    from streams.database import open_database
    from streams.kafka import Publisher, PublishFailed
    from streams.links import Links
    from streams.relinking import NotLinked

    endpoints = place.endpoints()
    database, cache = open_database(endpoints), open_cache(endpoints)
    publisher = Publisher(endpoints)
    try:
        return await work(Links(database, cache), publisher, organization_id)
    except NotLinked as error:
        raise SmartStoreError(str(error), fix="smartstore link show") from error
    except (PyMongoError, PublishFailed) as error:
        raise CannotServe(
            f"MongoDB or Kafka does not answer: {type(error).__name__}", fix="smartstore up"
        ) from error
    finally:
        await publisher.stop()
        await cache.aclose()
        await database.client.close()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
