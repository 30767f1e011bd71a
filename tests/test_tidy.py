"""House rules as tests: what a linter does not know."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("schemas", "connectors", "streams", "api", "runtime", "sandbox", "benchmarks", "tests")
MAX_LINES = 400
MAX_FUNCTION_LINES = 60
# A path of one developer's machine, or a package registry: both break for everyone else.
MACHINE = re.compile(
    r"/work/(?:main|shared)|/home/\w+/|/Users/\w+/|/root/"
    r"|\w+://[\w.-]*(?:pypi|pythonhosted|maven|npmjs|crates)[\w.-]*\.\w+"
)
# Files about these rules, and contracts quoted as their vendors wrote them.
EXEMPT = ("tests/test_tidy.py", "LICENSE")


def tracked() -> list[Path]:
    """What git knows or would add; without git, everything outside hidden folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        names = sorted(set(listed.stdout.splitlines()))
        return [ROOT / name for name in names if (ROOT / name).is_file()]
    return [p for p in sorted(ROOT.rglob("*")) if p.is_file() and ".smartstore" not in p.parts]


FILES = tracked()
SOURCES = [
    path for path in FILES if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES
]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_are_short() -> None:
    long = {name(p): n for p in SOURCES if (n := len(p.read_text().splitlines())) > MAX_LINES}
    assert long == {}, f"more than {MAX_LINES} lines: split by what they are about"


def test_functions_are_short() -> None:
    long = {
        f"{name(path)}:{node.lineno} {node.name}": lines
        for path in SOURCES
        for node in functions(ast.parse(path.read_text()))
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("refused", ["utils.py", "helpers.py", "misc.py"])
def test_no_drawer_for_everything(refused: str) -> None:
    assert [name(path) for path in SOURCES if path.name == refused] == []


def test_every_module_says_what_it_is() -> None:
    product = [p for p in SOURCES if not name(p).startswith("tests/")]
    silent = [name(p) for p in product if p.read_text().strip() and not _docstring(p)]
    assert silent == []


def _docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text()))


def test_nothing_of_one_machine() -> None:
    found = []
    for path in FILES:
        if name(path) in EXEMPT:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{name(path)}: {match[0]}" for match in MACHINE.finditer(text)]
    assert found == []


def test_no_catch_all_that_goes_on_silently() -> None:
    """`except Exception: pass` and its like. A catch-all must do something with what it caught."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if broad and all(isinstance(part, ast.Pass | ast.Continue) for part in node.body):
                found.append(f"{name(path)}:{node.lineno}")
    assert found == []


def test_only_entry_points_load_settings() -> None:
    """Settings are handed down; a module that loads its own cannot be tested with others."""
    loads = re.compile(r"\b(?:Endpoints|ApiSettings|PlatformEnvironment)\(\)")
    # The service is the entry point of programs that call us from Python.
    allowed = (
        "streams/worker.py",
        "streams/roles/",
        "streams/service.py",
        "streams/couriers/service.py",
        "streams/whatsapp/service.py",
        "api/main.py",
        "runtime/",
    )
    found = [
        name(path)
        for path in SOURCES
        if loads.search(path.read_text())
        and not name(path).startswith((*allowed, "benchmarks/", "tests/"))
    ]
    assert found == []


def test_every_setting_is_in_the_example() -> None:
    """`.env.example` names each variable that a settings class reads."""
    example = set(re.findall(r"^([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))
    alias = re.compile(r'(?:validation_alias=|\balias=)"([A-Z][A-Z0-9_]+)"')
    missing = {
        f"{found} ({name(path)})"
        for path in SOURCES
        if not name(path).startswith("tests/")
        for found in alias.findall(path.read_text())
        if found not in example
    }
    assert missing == set()


def test_the_locks_are_of_this_project() -> None:
    """Each direct dependency is in the lock, and no lock names an index."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=!~\[; ]", line)[0].lower() for line in project["dependencies"]}
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text()
        assert wanted <= set(re.findall(r"^([a-z0-9._-]+)==", text, re.M))
        assert "index-url" not in text
        assert "://" not in text
