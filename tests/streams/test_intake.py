import pytest

from schemas.event import QueuedEvent
from schemas.settings import Endpoints
from schemas.topics import INBOUND
from streams.database import Database, open_database
from streams.inbox import BODY_REF, BodyLost, Inbox
from streams.intake import Drainer, Held, Intake, Unavailable
from streams.kafka.records import Incoming, Outgoing
from streams.queueing import event_record
from streams.service import RealTimeSyncService
from tests.streams.conftest import KafkaLog

pytestmark = pytest.mark.servers


def delivery(number: int, size: int = 10) -> Outgoing:
    return Outgoing(
        INBOUND, f"org/woocommerce/product/{number}".encode(), b"x" * size, [("a", b"b")]
    )


async def test_kafka_first(fresh: Database, kafka: KafkaLog) -> None:
    assert await Intake(kafka, fresh).accept(delivery(1)) == Held(held=False)
    assert kafka.records == [delivery(1)]
    assert await Inbox(fresh).waiting() == 0


async def test_with_kafka_down_the_inbox_holds_and_drains_in_order(
    fresh: Database, kafka: KafkaLog
) -> None:
    kafka.down = True
    intake = Intake(kafka, fresh)
    for number in range(20):
        assert await intake.accept(delivery(number)) == Held(held=True)
    assert kafka.asked == 1  # after the first failure nobody waits for Kafka for a while
    kafka.down = False
    assert await Drainer(kafka, fresh).drain() == 20
    assert kafka.records == [delivery(number) for number in range(20)]
    assert await Inbox(fresh).waiting() == 0


async def test_with_both_down_it_is_not_ours(kafka: KafkaLog) -> None:
    kafka.down = True
    closed = open_database(Endpoints())
    await closed.client.close()
    with pytest.raises(Unavailable):
        await Intake(kafka, closed).accept(delivery(1))


async def test_a_large_body_travels_by_claim_check(fresh: Database, kafka: KafkaLog) -> None:
    await Intake(kafka, fresh).accept(delivery(1, 2_000_000))
    (record,) = kafka.records
    assert record.value == b""
    assert BODY_REF in dict(record.headers)
    incoming = Incoming("inbound", 0, 0, 0, record.key, b"", record.headers)
    inbox = Inbox(fresh)
    assert await inbox.body(incoming) == b"x" * 2_000_000
    await fresh["ss_inbox"].delete_many({})
    with pytest.raises(BodyLost):
        await inbox.body(incoming)


async def test_queue_event_as_a_python_call(fresh: Database, kafka: KafkaLog) -> None:
    async def nothing() -> None:
        """There is nothing to close."""

    async def opener():  # type: ignore[no-untyped-def]
        return Intake(kafka, fresh), nothing

    service = RealTimeSyncService(opener)
    event = {
        "id": "unique-event-id",
        "type": "product",
        "action": "update",
        "data": {"id": "p1", "price": 5},
        "source": "web",
        "timestamp": "2026-11-22T09:30:00Z",
        "organizationId": "org-id",
    }
    assert await service.queue_event(event) == Held(held=False)
    with pytest.raises(ValueError, match="organizationId"):
        await service.queue_event({**event, "organizationId": ""})
    await service.close()
    (record,) = kafka.records
    assert record.key == b"org-id/mongodb/product/p1"
    assert dict(record.headers)["ce_type"] == b"inbound.event.product.update"
    same = event_record(QueuedEvent.model_validate(event), 0)
    assert same.value == record.value
