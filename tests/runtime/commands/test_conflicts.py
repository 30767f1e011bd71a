import asyncio
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from typer.testing import CliRunner, Result

from runtime.cli import app
from runtime.errors import SmartStoreError
from schemas.clock import unix_ms
from schemas.codec import encode
from schemas.feed import ConflictLine
from schemas.policy import Rule
from schemas.settings import Endpoints
from streams.database import open_database
from streams.kafka.records import Incoming
from streams.policies import Rulebook
from streams.views import ConflictViews

pytestmark = pytest.mark.servers

NOW_MS = unix_ms()


def conflict(**named: Any) -> ConflictLine:
    values: dict[str, Any] = {
        "organization_id": "shop",
        "type": "product",
        "entity_id": "p1",
        "id": "shop.product.p1.price.3",
        "field": "price",
        "label": "Ceylon tea",
        "status": "open",
        "policy": "manual",
        "candidates": {"mongodb": "1899.5", "woocommerce": "1950"},
        "stamps": {"mongodb": 1, "woocommerce": 2},
        "opened_at_ms": NOW_MS,
        "at_ms": NOW_MS,
        "version": 3,
    }
    return ConflictLine(**{**values, **named})


SETTLED = conflict(
    id="settled", status="resolved", resolution="keep", value="1950", by="key:Nimal", version=4
)


@pytest.fixture
def shop(
    servers: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A database of its own with an open conflict, a settled one, and a rule."""
    parts = urlsplit(servers["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))
    monkeypatch.setenv("SMARTSTORE_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("KAFKA_URL", servers["KAFKA_URL"])
    monkeypatch.setenv("REDIS_URL", servers["REDIS_URL"])

    async def park(_record: Incoming, reason: str) -> None:
        raise AssertionError(reason)

    async def put() -> None:
        database = open_database(Endpoints(DATABASE_URL=url))
        await ConflictViews(database, park).handle(
            [Incoming("conflicts", 0, 0, 0, b"", encode(line)) for line in (conflict(), SETTLED)]
        )
        rule = Rule(type="product", field="price", platform="woocommerce", winner="woocommerce")
        await Rulebook(database).save("shop", [rule], by="session")
        await database.client.close()

    asyncio.run(put())


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["conflicts", *words, "--org", "shop"])


@pytest.mark.usefixtures("shop")
class TestConflicts:
    def test_listed_and_shown(self) -> None:
        (row,) = json.loads(run("list", "--json").output)
        assert (row["id"], row["candidates"]["mongodb"]) == (conflict().id, "1899.5")
        shown = run("show", conflict().id).output
        assert "Price of product: Ceylon tea" in shown
        assert "woocommerce (WooCommerce): 1,950.00" in shown
        assert "Nimal kept WooCommerce's 1,950.00" in run("list", "--status", "resolved").output
        assert "None." in run("list", "--status", "automatic").output
        assert run("list", "--status", "lost").exit_code == 1

    def test_a_settled_one_takes_the_same_word_only(self) -> None:
        same = run("resolve", "settled", "woocommerce")
        assert same.exit_code == 0
        assert "Nimal kept WooCommerce's 1,950.00" in same.output
        other = run("resolve", "settled", "local")
        assert isinstance(other.exception, SmartStoreError)
        assert other.exception.message.startswith("Nimal decided this ")

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("resolve", "nothing", "local"), "There is no conflict nothing."),
            (("undo", "nothing"), "There is no conflict nothing."),
            (("resolve", "shop.product.p1.price.3", "ebay"), "ebay is not one of the sides."),
            (("resolve", "settled", "manual", "--value", "{"), "--value { is not JSON"),
            (("policies", "--restore", "7"), "There is no version 7 of the rules"),
        ],
    )
    def test_what_cannot_be_is_told(self, words: tuple[str, ...], told: str) -> None:
        done = run(*words)
        assert done.exit_code != 0
        assert isinstance(done.exception, SmartStoreError)
        assert done.exception.message == told

    def test_rules_are_shown_tried_and_restored(self, tmp_path: Path) -> None:
        assert "product price with woocommerce: woocommerce wins" in run("policies").output
        rules = tmp_path / "rules.json"
        rules.write_text('[{"field": "price", "policy": "local"}]')
        tried = json.loads(run("policies", "--preview", str(rules), "--json").output)
        assert tried["counts"] == {"settlesOpen": 1, "againstAPerson": 1}
        told = run("policies", "--preview", str(rules)).output
        assert "2  would have gone otherwise in the last 30 days." in told
        restored = json.loads(run("policies", "--restore", "0", "--json").output)
        assert (restored["version"], restored["rules"]) == (2, [])
        listed = run("policies", "--versions").output
        assert "version 2" in listed
        assert "by session" in listed

    def test_a_file_without_rules_is_refused(self, tmp_path: Path) -> None:
        rules = tmp_path / "rules.json"
        rules.write_text('[{"policy": "oldest"}]')
        assert run("policies", "--preview", str(rules)).exit_code == 1
        assert run("policies", "--preview", str(tmp_path / "none.json")).exit_code == 1
