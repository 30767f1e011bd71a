"""What SmartStore is made of, as a CycloneDX document: Python packages from the lock, Kafka's jars,
the servers' wheels, what pages carry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from runtime.servers import jars
from runtime.settings import ROOT

LOCKS = Path(jars.__file__).parent / "locks"
VENDORED = ROOT / "api" / "pages" / "static" / "vendor" / "VENDORED.json"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_licences = LicenseFactory()


def sbom(version: str) -> str:
    """JSON, CycloneDX 1.6. The same sources give the same components."""
    bom = Bom()
    bom.metadata.component = Component(
        name="smartstore-sync",
        version=version,
        type=ComponentType.APPLICATION,
        licenses=[_licences.make_from_string("Apache-2.0")],
        bom_ref="smartstore-sync",
    )
    found = {part.bom_ref.value: part for part in (*_python(), *_jars(), *_vendored())}
    for part in found.values():
        bom.components.add(part)
    bom.register_dependency(bom.metadata.component, found.values())
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    return text


def _python() -> Iterator[Component]:
    """Of the product, and of the wheels that hold servers."""
    for path in (ROOT / "requirements.lock", *sorted(LOCKS.glob("*.lock"))):
        for name, version, hashes in pinned(path.read_text()):
            yield _component(PackageURL("pypi", name=name, version=version), hashes)


def pinned(lock: str) -> Iterator[tuple[str, str, list[str]]]:
    """(name, version, SHA-256s) of each package of a lock file."""
    held: tuple[str, str, list[str]] | None = None
    for line in lock.splitlines():
        if found := _PINNED.match(line):
            if held:
                yield held
            held = (found[1].lower(), found[2], [])
        if held:
            held[2].extend(_HASH.findall(line))
    if held:
        yield held


def _jars() -> Iterator[Component]:
    for jar in jars.read_lock((LOCKS / "kafka.lock").read_text()):
        group, name, version, _file = jar.path.rsplit("/", 3)
        link = PackageURL("maven", group.replace("/", "."), name, version)
        yield _component(link, [jar.sha256])


def _vendored() -> Iterator[Component]:
    for file, told in json.loads(VENDORED.read_text()).items():
        group, _, name = told["package"].rpartition("/")
        link = PackageURL("npm", group or None, name, told["version"], subpath=file)
        yield _component(link, [told["sha256"]], told["licence"])


def _component(link: PackageURL, hashes: list[str], licence: str = "") -> Component:
    words = licence or (_licence(link.name) if link.type == "pypi" else "")
    return Component(
        name=link.name,
        group=link.namespace,
        version=link.version,
        type=ComponentType.LIBRARY,
        purl=link,
        bom_ref=link.to_string(),
        # Of several wheels of one version the first stands for all: a hash names one file.
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in hashes[:1]],
        licenses=[_licences.make_from_string(words)] if words else [],
    )


def _licence(package: str) -> str:
    """As the installed package says; what it does not say is left out."""
    try:
        told = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return ""
    given = [one for name in ("License-Expression", "License") for one in told.get_all(name) or []]
    said = given[0] if given else ""
    if said and "\n" not in said and len(said) < 80:
        return str(said)
    named = [line for line in told.get_all("Classifier") or [] if line.startswith("License ::")]
    return named[0].rpartition(" :: ")[2] if named else ""
