"""Role `inbound`: normalises raw deliveries, and drains the inbox."""

from __future__ import annotations

from schemas.settings import Endpoints
from schemas.topics import INBOUND
from streams.app import bind, create_app
from streams.couriers.following import Following
from streams.inbound import Normaliser
from streams.inbox import Inbox
from streams.intake import Drainer
from streams.roles import Role
from streams.roles.common import Common
from streams.whatsapp.arriving import Arriving
from streams.whatsapp.receipts import Receipts


async def build(endpoints: Endpoints, instance: str) -> Role:
    """The agent and the drainer, in one process."""
    common = await Common.open(endpoints)
    normaliser = Normaliser(
        publisher=common.publisher,
        links=common.links,
        connections=common.directory,
        inbox=Inbox(common.database),
        dead=common.dead,
        effects=Receipts(common.database),
        prepares=Arriving(common.database),
        followers={"courier": Following(common.database, common.publisher, common.links)},
    )
    app = create_app("inbound", endpoints, instance=instance)
    bind(app, "inbound", [INBOUND], normaliser.handle)
    drainer = Drainer(common.publisher, common.database)
    return Role(apps=[app], parts=[drainer.run()], close=common.close)
