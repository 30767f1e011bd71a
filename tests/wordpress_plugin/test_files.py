"""The WordPress plugin's files, without a shop (with one: tests/real_store)."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "wordpress-plugin"
MAIN = PLUGIN / "smartstore-woocommerce.php"
SOURCES = sorted(PLUGIN.rglob("*.php"))
DOMAIN = "smartstore-woocommerce"
TRANSLATES = re.compile(r"\b(?:esc_html_|esc_attr_|esc_html|esc_attr)?_[_e]\(")


def test_php_reads_every_file() -> None:
    php = shutil.which("php")
    if php is None:
        pytest.skip("no php here to check the plugin's syntax (apt-get install php-cli)")
    for path in SOURCES:
        done = subprocess.run([php, "-l", str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_short_and_guarded() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert len(text.splitlines()) <= 400, path.name
        guards = ("defined( 'ABSPATH' ) || exit;", "defined( 'WP_UNINSTALL_PLUGIN' ) || exit;")
        assert any(guard in text for guard in guards), path.name


def test_every_class_is_where_it_is_looked_for() -> None:
    for path in (PLUGIN / "includes").glob("*.php"):
        found = re.search(r"^final class (\w+)", path.read_text(), re.M)
        assert found is not None
        assert path.name == f"class-{found[1].lower().replace('_', '-')}.php"


def test_the_version_is_one() -> None:
    text = MAIN.read_text()
    header = re.search(r"^ \* Version: +(\S+)", text, re.M)
    constant = re.search(r"const VERSION = '(\S+)'", text)
    readme = re.search(r"^Stable tag: (\S+)", (PLUGIN / "readme.txt").read_text(), re.M)
    assert header is not None
    assert constant is not None
    assert readme is not None
    assert header[1] == constant[1] == readme[1]


def test_texts_are_in_our_domain() -> None:
    for path in SOURCES:
        for line in path.read_text().splitlines():
            if TRANSLATES.search(line):
                assert f"'{DOMAIN}'" in line, f"{path.name}: {line.strip()}"


def catalogue(path: Path) -> dict[str, str]:
    """A compiled catalogue (GNU gettext's format): text to translation."""
    raw = path.read_bytes()
    _, _, count, originals, translations = struct.unpack_from("<5I", raw)
    found: dict[str, str] = {}
    for number in range(count):
        pair = []
        for table in (originals, translations):
            length, start = struct.unpack_from("<2I", raw, table + 8 * number)
            pair.append(raw[start : start + length].decode())
        found[pair[0]] = pair[1]
    return found


@pytest.mark.parametrize(("locale", "letters"), [("si_LK", "඀-෿"), ("ta_LK", "஀-௿")])
def test_every_text_is_translated(locale: str, letters: str) -> None:
    folder = PLUGIN / "languages"
    listed = (folder / f"{DOMAIN}.pot").read_text()
    held = catalogue(folder / f"{DOMAIN}-{locale}.mo")
    for quoted in re.findall(r'^msgid "(.+)"$', listed, re.M):
        text = quoted.replace('\\"', '"')
        translated = held[text]
        assert re.search(f"[{letters}]", translated) or text == "SmartStore Sync"
        places = re.compile(r"%(?:\d\$)?[sd]")
        assert sorted(places.findall(text)) == sorted(places.findall(translated)), text
