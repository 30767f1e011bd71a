"""What a person is asked for when a platform is connected: fields with their help. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from api.pages.i18n import N_
from connectors.couriers.registry import UnknownCourier, courier_of, couriers
from connectors.protocol import Connection

COURIER = "courier"


@dataclass(frozen=True)
class Field:
    """One thing to fill in."""

    name: str
    label: str
    help: str = ""
    secret: bool = False
    required: bool = False
    default: str = ""
    long: bool = False
    """Takes several lines."""

    @property
    def form_name(self) -> str:
        """In the form: secrets and settings are told apart by it."""
        return f"{'secret' if self.secret else 'setting'}.{self.name}"


CURRENCY = Field(
    "currency", N_("Currency"), N_("Three letters, as LKR."), required=True, default="LKR"
)
PLATFORMS: dict[str, tuple[Field, ...]] = {
    "whatsapp": (
        Field(
            "phone_number_id",
            N_("Phone number ID"),
            N_("In Meta's app: WhatsApp → API setup, below the number. It is not the number."),
            required=True,
        ),
        Field(
            "access_token",
            N_("Access token"),
            N_("Of a system user, that never expires, allowed to send messages for this account."),
            secret=True,
            required=True,
        ),
        Field(
            "app_secret",
            N_("Webhook secret (app secret)"),
            N_("In Meta's app: Settings → Basic. It proves that a delivery comes from Meta."),
            secret=True,
            required=True,
        ),
        Field(
            "verify_token",
            N_("Verify token"),
            N_("Any word of yours; type the same one into Meta beside the webhook address."),
            secret=True,
        ),
        Field(
            "waba_id",
            N_("Business account ID"),
            N_("On the same page of Meta's app. Needed for templates."),
        ),
        Field(
            "catalog_id",
            N_("Catalogue ID"),
            N_("In Commerce Manager. Leave it empty to keep no catalogue."),
        ),
        CURRENCY,
        Field("site_url", N_("Shop address"), N_("Catalogue items link to it.")),
        Field(
            "order_statuses",
            N_("Tell customers when an order becomes"),
            N_("Statuses with commas between them, as processing, completed."),
        ),
        Field(
            "order_status_template",
            N_("Message template"),
            N_("Name of the approved template for it."),
        ),
        Field(
            "answers",
            N_("Automatic answers"),
            N_("Write off to leave all questions of customers to people."),
        ),
    ),
    "woocommerce": (
        Field(
            "site_url",
            N_("Shop address"),
            N_("As you type it into the browser, with https://."),
            required=True,
        ),
        Field(
            "consumer_key",
            N_("Consumer key"),
            N_("WooCommerce → Settings → Advanced → REST API → Add key, with Read/Write."),
            secret=True,
            required=True,
        ),
        Field(
            "consumer_secret",
            N_("Consumer secret"),
            N_("Shown beside the key, once."),
            secret=True,
            required=True,
        ),
        CURRENCY,
        Field(
            "webhook_secret",
            N_("Webhook secret"),
            N_("Leave it empty: one is made and set in the shop for you."),
            secret=True,
        ),
    ),
}
NAME = Field("name", N_("Name"), N_("As your staff call it."))
PROFILE = Field(
    "profile",
    N_("The courier's file"),
    N_("Describes how the courier is asked; each mistake is told with its line."),
    required=True,
    long=True,
)
CODE = Field("code", N_("Courier code"), N_("Small letters, as in the file."), required=True)


def courier_fields(code: str, profile: str = "") -> tuple[str, tuple[Field, ...]]:
    """A courier's name and what it asks for. Raises UnknownCourier."""
    named = {"courier": code, "profile": profile}
    found = courier_of(Connection("", "", COURIER, "", named))
    return found.name, tuple(
        Field(
            one.name,
            one.label or one.name.replace("_", " "),
            one.help,
            secret=one.secret,
            required=one.required,
            default=one.default,
        )
        for one in found.fields
    )


def ready_couriers() -> dict[str, str]:
    """Code to name of the couriers that need no file."""
    found = {}
    for code in couriers():
        try:
            found[code] = courier_fields(code)[0]
        except UnknownCourier:
            continue
    return found


def fields_of(platform: str, settings: dict[str, str]) -> tuple[Field, ...]:
    """What a connection can be changed in."""
    if platform != COURIER:
        return PLATFORMS.get(platform, ())
    try:
        return courier_fields(settings.get("courier", ""), settings.get("profile", ""))[1]
    except (UnknownCourier, ValueError):
        return ()
