"""`compose.yaml` and `Dockerfile`: valid, and as safe as they promise. Nothing runs them here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from runtime.processes import PROCESSES
from runtime.settings import ROOT

DOCUMENT: dict[str, Any] = YAML(typ="safe").load(ROOT / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


@pytest.fixture(params=sorted(SERVICES))
def service(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    found: Mapping[str, Any] = SERVICES[request.param]
    return found


def test_meets_the_compose_specification() -> None:
    vendored = files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json")
    schema = json.loads(vendored.read_text())
    jsonschema.Draft202012Validator(schema).validate(DOCUMENT)


def test_every_process_of_ours_has_a_container() -> None:
    commands = {tuple(service["command"][2:]) for service in OURS.values()}
    assert commands == {entry.argv for entry in PROCESSES}


def test_is_watched_limited_and_starts_again(service: Mapping[str, Any]) -> None:
    assert service["healthcheck"]["test"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["restart"] == "unless-stopped"


def test_has_no_more_rights_than_it_needs(service: Mapping[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not str(service.get("user", "")).startswith("0")


@pytest.mark.parametrize("name", sorted(OURS))
def test_ours_writes_only_to_its_volume(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["user"] == "10001:10001"
    assert service["volumes"] == ["smartstore:/data"]
    assert service["environment"]["SMARTSTORE_SECRET_KEY_FILE"].startswith("/run/secrets/")


def _published() -> Iterator[tuple[str, str]]:
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            yield name, str(port)


def test_only_the_proxy_listens_to_the_world() -> None:
    open_to_all = {name for name, port in _published() if not port.startswith("127.0.0.1:")}
    assert open_to_all == {"proxy"}


def test_the_ports_are_those_of_the_documentation() -> None:
    ports = {port.rsplit(":", 1)[-1] for name, port in _published() if name != "proxy"}
    assert {"3000", "3001", "8081"} <= ports


def test_the_servers_are_not_reachable_from_outside() -> None:
    assert DOCUMENT["networks"]["inside"] == {"internal": True}
    for name in ("kafka", "mongodb", "redis"):
        assert SERVICES[name]["networks"] == ["inside"]
        assert "ports" not in SERVICES[name]


def test_mongo_express_has_no_password_of_its_own() -> None:
    password = SERVICES["mongo-express"]["environment"]["ME_CONFIG_BASICAUTH_PASSWORD"]
    assert password.startswith("${MONGO_EXPRESS_PASSWORD:?")


def test_the_image_is_built_in_stages_and_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert sum(line.startswith("FROM ") for line in lines) == 2
    assert "--require-hashes" in "\n".join(lines)
    assert lines.index("USER smartstore") > max(
        n for n, line in enumerate(lines) if line.startswith("COPY ")
    )
