"""An organisation's alerts, for the API and the page: what stands, what was told, who is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.errors import invalid
from api.services import Services
from schemas.envelope import rfc3339
from streams.alerts.channels import Channels
from streams.alerts.conditions import PAGES, SHOP
from streams.alerts.desk import AlertDesk, Delivery, Message, new_message
from streams.alerts.evaluate import Alert
from streams.alerts.settings import AlertSettings
from streams.alerts.words import HELP, NAMES, Language, line_of, title_of

HISTORY = 50
_LANGUAGES: dict[str, Language] = {"en": "en", "si": "si", "ta": "ta"}


def spoken(language: str) -> Language:
    """The language that alerts speak to a reader of this one."""
    return _LANGUAGES.get(language, "en")


@dataclass(frozen=True)
class Alerts:
    """Errors: Problem, PyMongoError."""

    use: Services
    organization_id: str

    @property
    def desk(self) -> AlertDesk:
        """The rows."""
        return AlertDesk(self.use.database, self.use.directory.keyring)

    async def open(self, language: str) -> list[dict[str, Any]]:
        """What stands now, the newest first; what is still waited with is not told."""
        found = await self.desk.open_alerts(self.organization_id)
        return [alert_shape(one, language) for one in reversed(found) if one.state == "raised"]

    async def history(self, language: str) -> list[dict[str, Any]]:
        """What people were told of, whether it stands still or is over."""
        found = await self.desk.history(self.organization_id, HISTORY)
        return [alert_shape(one, language) for one in found]

    async def messages(self, language: str) -> list[dict[str, Any]]:
        """What was sent to whom, and how that went."""
        found = await self.desk.messages(self.organization_id, HISTORY)
        return [message_shape(one, language) for one in found]

    async def test(self) -> Message:
        """One message to everybody, now. Raises 422 where nobody is to be told."""
        settings = await self.desk.settings(self.organization_id)
        shop, now_ms = await self.use.directory.name_of(self.organization_id), self.use.clock_ms()
        message = new_message(self.organization_id, shop, settings, (), now_ms)
        if message is None:
            raise invalid(
                "There is nobody to tell.", "Save an e-mail address, a webhook or a number first."
            )
        await self.desk.add_message(message)
        use = self.use
        channels = Channels(use.database, use.directory, use.publisher, use.alerts)
        return await channels.deliver(self.desk, message, now_ms)


def alert_shape(alert: Alert, language: str) -> dict[str, Any]:
    """One alert, in words of the reader's language."""
    said = spoken(language)
    return {
        "condition": alert.condition,
        "subject": alert.subject,
        "state": alert.state,
        "title": title_of(alert, said),
        "help": HELP[alert.condition][said],
        "link": PAGES[alert.condition],
        "since": rfc3339(alert.since_ms),
        "toldAt": rfc3339(alert.told_ms) if alert.told_ms else None,
        "overAt": rfc3339(alert.over_ms) if alert.over_ms else None,
    }


def message_shape(message: Message, language: str) -> dict[str, Any]:
    """One message with its deliveries."""
    said = spoken(language)
    return {
        "id": message.id,
        "at": rfc3339(message.at_ms),
        "test": message.is_test,
        "lines": [line_of(one, said) for one in message.news],
        "deliveries": [delivery_shape(one) for one in message.deliveries],
    }


def delivery_shape(one: Delivery) -> dict[str, Any]:
    """How it went to one address."""
    return {
        "channel": one.channel,
        "to": one.to,
        "state": one.state,
        "attempts": one.attempts,
        "reason": one.reason,
        "at": rfc3339(one.at_ms) if one.at_ms else None,
    }


def settings_shape(settings: AlertSettings, secret: str = "") -> dict[str, Any]:
    """What was chosen, and the webhook's secret where it was just made."""
    shape: dict[str, Any] = {
        **settings.model_dump(mode="json", by_alias=True),
        "conditions": [{"name": name, "title": NAMES[name]["en"]} for name in SHOP],
    }
    if secret:
        shape["webhookSecret"] = secret
    return shape
