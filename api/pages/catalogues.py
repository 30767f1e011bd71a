"""`python -m api.pages.catalogues`: takes every text of the pages into the `.po` files, where it
waits for its translation; what is no longer said is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from api.pages.i18n import CATALOGUES, LANGUAGES, LOCALES

ROOT = Path(__file__).parents[2]
METHODS = [("api/**.py", "python"), ("api/pages/templates/**.html", "jinja2")]
KEYWORDS = {
    "_": None,
    "gettext": None,
    "N_": None,
    "ngettext": (1, 2),
    "plural": (1, 2),
    "forms": (1, 2),
}
TRANSLATED = tuple(name for name in LANGUAGES if name != "en")

Text = str | tuple[str, ...]


def texts() -> Iterator[tuple[str, Text]]:
    """(file, text or its singular and plural) of everything that the pages say."""
    options = {"api/pages/templates/**.html": {"trimmed": "true", "silent": "false"}}
    for name, _line, message, _comments, _context in extract_from_dir(
        str(ROOT),
        METHODS,
        options,
        KEYWORDS,
        directory_filter=lambda path: _ours(Path(path)),
    ):
        yield name, message


def _ours(folder: Path) -> bool:
    parts = folder.relative_to(ROOT).parts
    return bool(parts) and parts[0] == "api" and "node_modules" not in parts


def path_of(language: str) -> Path:
    """The catalogue's file."""
    return CATALOGUES / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """The catalogue; an empty one where there is none."""
    path = path_of(language)
    if not path.is_file():
        return Catalog(locale=LOCALES[language], project="SmartStore Sync")
    with path.open("rb") as opened:
        return read_po(opened, locale=LOCALES[language])


def update(language: str) -> int:
    """Write the catalogue anew with all texts; how many still wait for a translation."""
    held = read(language)
    fresh = Catalog(
        locale=LOCALES[language],
        project="SmartStore Sync",
        version="1",
        last_translator="SmartStore Sync",
        language_team=LANGUAGES[language],
        msgid_bugs_address="",
        header_comment="# Texts of the pages of SmartStore Sync.",
        creation_date=held.creation_date,
        revision_date=held.revision_date,
        fuzzy=False,
    )
    for name, message in texts():
        singular = message if isinstance(message, str) else message[0]
        known = held.get(singular)
        fresh.add(message, known.string if known is not None else "", [(name, None)])  # type: ignore[list-item]
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as opened:
        write_po(opened, fresh, sort_output=True, width=0)
    return sum(1 for found in fresh if found.id and not _whole(found.string))


def _whole(translated: object) -> bool:
    return all(translated) if isinstance(translated, tuple | list) else bool(translated)


def main() -> None:
    """Update every catalogue and say what is missing."""
    for language in TRANSLATED:
        missing = update(language)
        print(f"{path_of(language).relative_to(ROOT)}: {missing} texts wait for a translation")  # noqa: T201


if __name__ == "__main__":
    main()
