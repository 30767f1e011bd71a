"""OpenAPI and AsyncAPI: valid by the official schemas, complete, and true to the code."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from api.docs.asyncapi import LIVE, asyncapi, structures_of
from api.docs.examples import EXAMPLES
from api.main import create_api
from api.routes.docs import FILES
from runtime.cli import app as command
from schemas.topics import TOPICS

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
OPEN = {
    "health", "live", "pair", "callback", "woocommerce", "whatsapp", "whatsappChallenge", "pushed",
}  # fmt: skip
"""Operations that need no API key: signed or one-time, or nothing of anybody's is told."""
Operation = tuple[str, str, dict[str, Any]]


@contextlib.asynccontextmanager
async def nothing() -> AsyncIterator[Any]:
    raise AssertionError("only described")
    yield


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return create_api(nothing).openapi()


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def complaints(fixture: str, document: dict[str, Any]) -> list[str]:
    schema = json.loads((FIXTURES / fixture).read_text())
    found = jsonschema_rs.validator_for(schema).iter_errors(document)
    return [f"{error.instance_path}: {error.message[:200]}" for error in found]


def test_openapi_is_valid(openapi: dict[str, Any]) -> None:
    assert complaints("openapi/3.1.json", openapi) == []


def test_asyncapi_is_valid() -> None:
    assert complaints("asyncapi/3.0.0.json", asyncapi("1.0.0")) == []


def test_every_reference_leads_somewhere(openapi: dict[str, Any]) -> None:
    for document in (openapi, asyncapi("1.0.0")):
        for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
            found: Any = document
            for part in reference.split("/"):
                assert part in found, reference
                found = found[part]


def test_operations_have_names_of_their_own(openapi: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(openapi)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][A-Za-z]+", name) for name in names)


def test_operations_say_what_they_are_and_what_goes_wrong(openapi: dict[str, Any]) -> None:
    declared = {tag["name"] for tag in openapi["tags"]}
    for method, path, operation in operations(openapi):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert set(operation["tags"]) <= declared, where
        answers = operation["responses"]
        assert {"400", "422", "503"} <= answers.keys(), where
        success = next(answers[code] for code in answers if code.startswith("2"))
        for content in success.get("content", {}).values():
            assert content["schema"], where


def test_every_answer_is_described(openapi: dict[str, Any]) -> None:
    """By its names, or as a file."""
    bare = []
    for method, path, operation in operations(openapi):
        for code, answer in operation["responses"].items():
            schema = answer.get("content", {}).get("application/json", {}).get("schema")
            if code.startswith("2") and schema in ({}, {"type": "object"}):
                bare.append((method, path))
    assert bare == []


def test_who_may_call_is_said(openapi: dict[str, Any]) -> None:
    open_ = {one["operationId"] for _, _, one in operations(openapi) if "security" not in one}
    assert open_ == OPEN
    for _, path, operation in operations(openapi):
        if "security" in operation:
            assert {"401", "404"} <= operation["responses"].keys(), path


def test_examples_are_what_they_are_examples_of(openapi: dict[str, Any]) -> None:
    shown = 0
    for _, path, operation in operations(openapi):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" not in content:
            continue
        schema = {**content["schema"], "components": openapi["components"]}
        jsonschema_rs.validator_for(schema).validate(content["example"])
        shown += 1
        assert path
    assert shown == len(EXAMPLES), "an example belongs to an operation that is there"


def test_every_topic_is_described() -> None:
    document = asyncapi("1.0.0")
    assert set(document["channels"]) == {topic.name for topic in TOPICS} | {"live"}
    feed = document["channels"]["feed"]
    assert list(feed["messages"]) == ["FeedLine"]
    settings = feed["bindings"]["kafka"]["topicConfiguration"]
    assert settings == {"cleanup.policy": ["delete"], "retention.ms": 7 * 86_400_000}
    commands = next(topic for topic in TOPICS if topic.name == "commands.whatsapp")
    names = [one.__name__ for one in structures_of(commands)]
    assert names == ["Write", "Create", "Delete", "Read", "Perform", "Claim"]


def test_the_websocket_is_described_as_its_document_says() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "websocket.md").read_text()
    table = text.partition("## What comes")[2].partition("\n\nAn event")[0]
    told = {
        word
        for row in table.splitlines()
        if row.startswith("| `")
        for word in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert told - {"type"} == set(LIVE)


@pytest.mark.parametrize("what", ["openapi", "asyncapi"])
def test_exported_as_a_file(what: str, tmp_path: Path) -> None:
    out = tmp_path / "described.json"
    done = CliRunner().invoke(command, ["export", what, "--out", str(out)])
    assert done.exit_code == 0
    assert json.loads(out.read_text())[what].startswith("3.")
    printed = CliRunner().invoke(command, ["export", what])
    assert printed.stdout == out.read_text()


@pytest.mark.parametrize(
    "folder", [FILES, FIXTURES / "react", FIXTURES / "openapi", FIXTURES / "asyncapi"]
)
def test_vendored_files_are_what_their_readme_says(folder: Path) -> None:
    said = set(re.findall(r"`([0-9a-f]{64})`", (folder / "README.md").read_text()))
    ours = ("README.md", "LICENSE", "NOTICE", "start.js", "page.html", "react.js")
    there = {
        sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name not in ours
    }
    assert there == said
