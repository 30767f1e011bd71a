"""What the layers below say in English, in the reader's language: a sentence is known by its form,
and what stands in its places is put into the translated one. What has no form here stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from api.pages.i18n import N_, _, gettext

FORMS = (
    # api/checks.py
    N_("MongoDB answers"),
    N_("Redis answers"),
    N_("Kafka answers; waiting: nothing"),
    N_("Kafka answers; waiting: %(waiting)s"),
    N_("the feed is read; %(number)s clients"),
    N_("the feed is not being read: Kafka does not answer"),
    N_("paused: nothing is written to it"),
    N_("no answer within %(number)s s"),
    N_("%(number)s events wait to be archived"),
    N_("the archiver has said nothing for %(number)s s"),
    # api/channels.py
    N_("no answer in time"),
    N_("Live; deliveries: none yet"),
    N_("Plugin; deliveries: none yet"),
    N_("Setting up; deliveries: none yet"),
    N_("Polling; deliveries: none yet"),
    N_("Live; deliveries: last %(at)s"),
    N_("Plugin; deliveries: last %(at)s"),
    N_("Setting up; deliveries: last %(at)s"),
    N_("Polling; deliveries: last %(at)s"),
    # connectors/woocommerce: client.py, examining.py, settings.py
    N_("the shop answers; no plugin"),
    N_("the shop answers; plugin %(version)s"),
    N_("WordPress answers, with WooCommerce"),
    N_("WordPress answers, but WooCommerce is not active"),
    N_("%(number)s products"),
    N_("%(number)s orders"),
    N_("Products can be read"),
    N_("Products can be read, but PHP writes its notices into the answers"),
    N_("Switch WP_DEBUG_DISPLAY off in the shop's wp-config.php; until then we read past them."),
    N_("Orders can be read"),
    N_("The key may write"),
    N_("The shop does not tell its time"),
    N_("Its clock is right"),
    N_("The shop's clock and ours are %(number)s minutes apart"),
    N_("Set the clock of whichever is wrong; signed requests are refused otherwise."),
    N_("Not installed. Without it an edit made while we write can be lost."),
    N_("Version %(version)s"),
    N_("the shop's address (site_url) is missing or has no http(s) scheme"),
    N_("the shop's %(name)s is missing"),
    # connectors/woocommerce/trouble.py
    N_("The shop's address redirects to %(address)s"),
    N_("Set the shop's address to %(address)s and test again."),
    N_("A security plugin closes the shop's REST API (%(told)s)"),
    N_("Allow REST requests to /wp-json/wc/v3 and /wp-json/smartstore/v1 in that plugin."),
    N_("The address is not there: WooCommerce or its REST API is switched off"),
    N_("Activate WooCommerce in the shop and save Settings → Permalinks once."),
    N_("The key is not accepted (%(told)s)"),
    N_("Check the consumer secret, that the key may read and write, and the shop's clock."),
    N_("The key may not write (%(told)s)"),
    N_("In WooCommerce → Settings → Advanced → REST API give the key Read/Write permission."),
    N_("The shop does not know the key (%(told)s)"),
    N_(
        "Check the consumer key. If it is right, the web server drops the Authorization header: "
        "let it pass on (Apache: CGIPassAuth On)."
    ),
    N_("The key's user may not do this (%(told)s)"),
    N_("Make a key for a user who is administrator or shop manager."),
    N_("The shop answered HTTP %(status)s (%(told)s)"),
    N_("Try again in a while."),
    N_("A firewall stops us before the shop is reached (%(told)s)"),
    N_("Allow requests of SmartStore (user agent smartstore-sync) to /wp-json/ there."),
    N_("The shop has no REST address under /wp-json/"),
    N_("Set Settings → Permalinks in WordPress to anything but Plain, and check the address."),
    N_("A page answers instead of the shop's REST API"),
    N_("A page answers instead of the shop's REST API (HTTP %(status)s)"),
    N_("A password, firewall or security plugin is in front: let requests to /wp-json/ pass."),
    N_("Is the shop in maintenance or behind a login? Let requests to /wp-json/ pass."),
    N_("The shop's server answers with an error page (HTTP %(status)s)"),
    N_("Try again in a while; if it stays, ask the shop's host."),
    # streams/upkeep/webhooks.py
    N_("The shop's webhooks are being set up."),
    N_("Its webhooks were made by hand."),
    N_("The shop does not take our webhooks: %(reason)s"),
    N_(
        "Platforms cannot reach us: SMARTSTORE_PUBLIC_URL is not set. Changes are asked for every "
        "minute instead."
    ),
    N_("Our plugin tells us; the shop's own webhooks are paused."),
    N_("Waiting for the shop's first delivery to %(address)s."),
    N_(
        "The shop has delivered nothing to %(address)s yet: check that it can be reached from the "
        "shop. Changes are asked for meanwhile."
    ),
    N_(
        "Nothing came for longer than is usual for this shop; what it may have missed to tell is "
        "being asked for."
    ),
    # connectors/whatsapp, connectors/couriers, connectors/http.py
    N_("the catalogue answers"),
    # streams/whatsapp: planner.py, planning.py
    N_("the customer has not written within 24 hours, and no template says this"),
    N_("the customer does not want messages"),
    N_("it waited for three days: it is news no more"),
    N_("it is not time yet"),
    N_("quiet hours"),
    N_("this month's spend cap is reached"),
    N_("WhatsApp's rate for messages"),
    N_("the WhatsApp connection is paused"),
    N_("there is nothing to send"),
    N_("there is no template %(name)s in %(language)s"),
    N_("nothing is written in %(language)s"),
    N_("the template %(name)s (%(language)s) is %(state)s at Meta"),
    N_("the template %(name)s (%(language)s) wants more than its text"),
    N_("the template %(name)s (%(language)s) takes %(count)s values, the settings give %(given)s"),
    N_("the number answers"),
    N_("Correct the keys; the courier's own portal shows them."),
    N_("%(name)s is set up; its %(number)s calls a day are kept for shipments"),
    N_("%(name)s offers nothing that can be tried without a shipment"),
    N_("%(where)s: not reached (%(reason)s)"),
    N_("%(where)s: no answer (%(reason)s)"),
    N_("%(name)s answers"),
)
"""What connections and servers are found to be like; the exact before the general."""
REASONS = {
    "expected": N_("it held something else than we had seen"),
    "after": N_("another write of ours had come before"),
    "sequence": N_("a newer write of ours had come before"),
    "sku": N_("another item has this SKU"),
}
"""Why a platform wanted its item to be read again, as it says so in a word
(docs/plugin-route.md)."""
NESTED = ("reason", "told")
"""Places that may hold another of these sentences."""
_PLACE = re.compile(r"%\((\w+)\)s")


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(_pattern(form), re.DOTALL), form) for form in FORMS)


def _pattern(form: str) -> str:
    text, names = "", set()
    for number, part in enumerate(_PLACE.split(form)):
        if number % 2 == 0:
            text += re.escape(part)
        else:
            digits = r"[0-9.]+" if part in ("number", "status") else ".+"
            text += f"(?P={part})" if part in names else f"(?P<{part}>{digits})"
            names.add(part)
    return text


def told_word(text: str) -> str:
    """The sentence, or two of them one after the other, in the reader's language."""
    if text in REASONS:
        return _(REASONS[text])
    found = _known(text)
    if found is not None:
        return found
    if (whole := gettext(text)) != text:
        return whole
    for end in re.finditer(r"\. ", text):
        what, fix = _known(text[: end.start()]), _known(text[end.end() :])
        if what is not None and fix is not None:
            return f"{what}. {fix}"
    return text


def _known(text: str) -> str | None:
    for pattern, form in _patterns():
        if match := pattern.fullmatch(text):
            held = {
                name: told_word(value) if name in NESTED else value
                for name, value in match.groupdict().items()
            }
            return _(form, **held)
    return None


WORDS: dict[str, Callable[..., str]] = {"told": told_word}
