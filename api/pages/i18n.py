"""English, Sinhala and Tamil: which of them a request wants, texts, plurals, numbers and dates.

Templates write `{{ _("…") }}` and `{{ ngettext("%(num)s item", "%(num)s items", n) }}`, Python the
same with `from api.pages.i18n import _, ngettext`; the language is that of the request. A text that
is made at import is marked with `N_` and looked up with `_` when it is shown.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from gettext import NullTranslations
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol
from babel.support import Translations
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "smartstore_language"
LANGUAGES = {"en": "English", "si": "සිංහල", "ta": "தமிழ்"}
SHORT = {"en": "EN", "si": "සිං", "ta": "தமி"}
LOCALES = {"en": "en_GB", "si": "si_LK", "ta": "ta_LK"}
"""There is no `en_LK` in CLDR."""
SYMBOLS = {"en": {"LKR": "Rs"}, "si": {"LKR": "රු."}, "ta": {"LKR": "ரூ"}}
"""As people in Sri Lanka write it; CLDR has `LKR` and `Rs.` for en and ta, browsers nothing for
si."""
CATALOGUES = Path(__file__).parent / "locale"

_language: ContextVar[str] = ContextVar("language", default="en")
_zone: ContextVar[str] = ContextVar("zone", default="UTC")
_currency: ContextVar[str] = ContextVar("currency", default="")


class Languages:
    """Middleware: the language of each request and WebSocket and the shop's time zone, for as long
    as it lasts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        before = _language.set(wanted(dict(scope["headers"])))
        place = _zone.set(scope["app"].state.services.settings.time_zone)
        money = _currency.set("")
        try:
            await self._app(scope, receive, send)
        finally:
            _currency.reset(money)
            _zone.reset(place)
            _language.reset(before)


def wanted(headers: Mapping[bytes, bytes]) -> str:
    """The language that was switched to, else the browser's, else English."""
    try:
        chosen = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
    except CookieError:
        chosen = None
    if chosen is not None and chosen.value in LANGUAGES:
        return chosen.value
    offered = headers.get(b"accept-language", b"").decode("latin-1")[:500]
    ranked = sorted(_weighed(part) for part in offered.split(",") if part.strip())
    found = negotiate_locale([name for _, name in ranked], list(LANGUAGES), sep="-")
    return (found or "en").partition("-")[0]


def _weighed(part: str) -> tuple[float, str]:
    name, _, weight = part.strip().partition(";q=")
    try:
        return -float(weight or 1), name
    except ValueError:
        return 0.0, name


def language() -> str:
    """`en`, `si` or `ta`: of the request that is being answered; else English."""
    return _language.get()


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Another language than the request's: for what is told to many at once."""
    before = _language.set(name if name in LANGUAGES else "en")
    try:
        yield
    finally:
        _language.reset(before)


@lru_cache(maxsize=8)
def translations(name: str) -> NullTranslations:
    """The catalogue, made from its `.po` file: there is no second file that could be older."""
    path = CATALOGUES / name / "LC_MESSAGES" / "messages.po"
    if name == "en" or not path.is_file():
        return NullTranslations()
    with path.open("rb") as opened:
        catalogue = read_po(opened, locale=name)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def gettext(message: str) -> str:
    """The text in the request's language."""
    return translations(language()).gettext(message) if message else ""


def _(message: str, **values: Any) -> str:
    """The text in the request's language, with its `%(name)s` filled in."""
    text = gettext(message)
    return text % values if values else text


def plural(one: str, other: str, number: int) -> str:
    """The form for `number`, not filled in."""
    return translations(language()).ngettext(one, other, number)


def ngettext(one: str, other: str, number: int, **values: Any) -> str:
    """The form for `number`, with `%(num)s` (grouped) and the other names filled in."""
    return plural(one, other, number) % {"num": number_word(number), **values}


def N_(message: str) -> str:
    """Marks a text for the catalogues; look it up with `_` when it is shown."""
    return message


def forms(one: str, other: str) -> dict[str, str]:
    """Both forms, for a script that counts by itself (`Intl.PluralRules` tells which)."""
    return {"one": plural(one, other, 1), "other": plural(one, other, 2)}


def zone() -> str:
    """The shop's time zone, `Asia/Colombo`."""
    return _zone.get()


def locale() -> Locale:
    """Babel's, of the request's language."""
    return Locale.parse(LOCALES[language()])


def currency() -> str:
    """What amounts are in that name no currency themselves; empty where nobody has said."""
    return _currency.get()


def amounts_in(currency: str) -> None:
    """Such amounts are in this, until the request is answered."""
    _currency.set(currency)


# Numbers


def number_word(value: int | float | Decimal) -> str:
    """`12,500`."""
    return str(format_decimal(value, locale=locale()))


def percent_word(share: float) -> str:
    """`0.984` to `98.4%`."""
    return str(format_percent(share, format="#,##0.#%", locale=locale()))


def currency_word(amount: str, currency: str) -> str:
    """`1899.5`, `LKR` to `Rs 1,899.50`, with all its decimals: amounts that differ look different.
    What is no decimal stays as it is."""
    code = currency or "LKR"
    try:
        text = str(
            format_currency(Decimal(amount), code, locale=locale(), decimal_quantization=False)
        )
    except (InvalidOperation, ValueError):
        return amount
    symbol = get_currency_symbol(code, locale=locale())
    told = symbol_word(code)
    space = "\u00a0" if unicodedata.category(told[-1]) != "Sc" else ""
    return text.replace(symbol, told + space, 1)  # the space: as CLDR asks; Babel does not


def symbol_word(currency: str) -> str:
    """`LKR` to `Rs`."""
    known = SYMBOLS.get(language(), {}).get(currency)
    return known or str(get_currency_symbol(currency, locale=locale()))


# Times: RFC 3339 in, the shop's own clock out


def there(moment: str) -> datetime:
    """The moment by the shop's clock."""
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone()))


def clock_word(moment: str | None) -> str:
    """`14:02:07`; on another day than today with its date."""
    if not moment:
        return _("not yet")
    at = there(moment)
    if at.date() != datetime.now(UTC).astimezone(at.tzinfo).date():
        return moment_word(moment)
    return str(format_time(at, "HH:mm:ss", locale=locale()))


def moment_word(moment: str | None) -> str:
    """`22 Nov 2026, 14:02:07`."""
    if not moment:
        return _("not yet")
    return str(format_datetime(there(moment), "medium", locale=locale()))


def day_word(moment: str | None) -> str:
    """`22 Nov 2026`."""
    return str(format_date(there(moment), "medium", locale=locale())) if moment else ""


def ago_word(moment: str | None) -> str:
    """`3 minutes ago`."""
    if not moment:
        return _("never")
    passed = datetime.now(UTC) - datetime.fromisoformat(moment)
    return passed_word(int(passed.total_seconds() * 1000))


def passed_word(passed_ms: int) -> str:
    """`3 minutes ago`."""
    if passed_ms < 1_000:
        return _("just now")
    passed = timedelta(milliseconds=passed_ms)
    return str(format_timedelta(-passed, add_direction=True, locale=locale()))


def passed_forms() -> dict[str, dict[str, str]]:
    """`{"minute": {"one": "%(num)s minute ago", ...}}` for scripts: browsers do not know Sinhala's
    words for it."""

    def form(unit: str, number: int) -> str:
        passed = timedelta(**{f"{unit}s": -number})
        told = str(format_timedelta(passed, threshold=1, add_direction=True, locale=locale()))
        return told.replace(str(number), "%(num)s")

    units = ("second", "minute", "hour")
    return {unit: {"one": form(unit, 1), "other": form(unit, 2)} for unit in units}
