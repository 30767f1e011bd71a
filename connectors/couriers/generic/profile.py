"""A courier as a file: where it is, how it is asked, how its answers are read.

Validated when it is loaded; an unknown key is a mistake. The file is data: there is no expression
in it beyond placeholders (`templates.py`) and dotted paths.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from connectors.couriers.generic.templates import placeholders, texts_in
from connectors.couriers.status import Status
from connectors.couriers.times import DEFAULT_ZONE, ISO, zone

BODY = "$body"
ErrorKind = Literal["AuthError", "NotFound", "InvalidRequest", "RateLimited", "Unavailable"]
Scalar = str | int | bool


def _template(value: Any) -> Any:
    for text in texts_in(value):
        list(placeholders(text))
    return value


def _format(value: str) -> str:
    if value != ISO:
        moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
        try:
            datetime.strptime(moment.strftime(value), value)  # noqa: DTZ007 - only tried
        except ValueError as error:
            raise ValueError(f"{value!r} is no form of a time: {error}") from error
        if "%" not in value:
            raise ValueError(f"{value!r} is no form of a time; an example is %d-%m-%Y %H:%M")
    return value


def _zone(value: str) -> str:
    zone(value)
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.username:
        raise ValueError("it looks like https://api.example.com/v1")
    return value.rstrip("/")


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("a path starts with /")
    if any(one.path.startswith("secret.") for one in placeholders(value)):
        raise ValueError("a secret does not belong into an address, which is logged everywhere")
    return value


Template = Annotated[Any, AfterValidator(_template)]
TextTemplate = Annotated[str, AfterValidator(_template)]
TimeFormat = Annotated[str, AfterValidator(_format)]
Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
PathTemplate = Annotated[str, AfterValidator(_path)]


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BaseUrl(Strict):
    """Null: the courier gives it out, so a person types it."""

    production: Address | None = None
    sandbox: Address | None = None


class NoAuth(Strict):
    kind: Literal["none"]


class HeaderAuth(Strict):
    kind: Literal["header"]
    name: str
    value: TextTemplate = "{token}"


class QueryAuth(Strict):
    kind: Literal["query"]
    name: str
    value: TextTemplate = "{token}"


class BasicAuth(Strict):
    kind: Literal["basic"]
    username: TextTemplate
    password: TextTemplate


class BearerAuth(Strict):
    kind: Literal["bearer"]
    token: TextTemplate = "{token}"  # noqa: S105 - a placeholder


class FieldsAuth(Strict):
    """Merged into the body."""

    kind: Literal["fields"]
    fields: dict[str, TextTemplate] = Field(min_length=1)


class Asking(Strict):
    """One request."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: PathTemplate
    query: dict[str, TextTemplate] = {}
    encode: Literal["json", "form", "none"] = "none"
    body: Template = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.encode == "none" and self.body is not None:
            raise ValueError("there is a body, but encode says none")
        flat = isinstance(self.body, dict) and not any(
            isinstance(one, dict | list) for one in self.body.values()
        )
        if self.encode == "form" and self.body is not None and not flat:
            raise ValueError("a form is one object of plain values")
        return self


class LoginAuth(Strict):
    """A request for a token; a 401 renews it once."""

    kind: Literal["login"]
    request: Asking
    token: str
    lifetime_s: float = Field(gt=0)
    send: Annotated[HeaderAuth | QueryAuth | BearerAuth, Field(discriminator="kind")]


PlainAuth = Annotated[
    NoAuth | HeaderAuth | QueryAuth | BasicAuth | BearerAuth | FieldsAuth,
    Field(discriminator="kind"),
]
Auth = Annotated[
    NoAuth | HeaderAuth | QueryAuth | BasicAuth | BearerAuth | FieldsAuth | LoginAuth,
    Field(discriminator="kind"),
]


class Condition(Strict):
    """`{http}`, or `{path}` with one test. A path never found is not there, not an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    http: list[int] | None = None
    path: str | None = None
    present: bool | None = None
    equals: Scalar | None = None
    one_of: list[Scalar] | None = Field(None, alias="in")
    contains: str | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests = [self.present, self.equals, self.one_of, self.contains]
        given = sum(test is not None for test in tests)
        if self.http is not None:
            if self.path is not None or given:
                raise ValueError("http stands alone in a condition")
        elif self.path is None or given != 1:
            raise ValueError("a condition has http, or path with one of present, equals, in,"
                             " contains")  # fmt: skip
        return self


class ErrorRule(Strict):
    """What it means when all of these hold."""

    when: list[Condition] = Field(min_length=1)
    kind: ErrorKind


class Operation(Asking):
    """One thing that can be asked."""

    auth: PlainAuth | None = None
    """In place of the profile's own."""
    ok: list[Condition] = Field(min_length=1)
    errors: list[ErrorRule] = []
    message: str | list[str] = []
    """Where the courier's words are; every text below counts."""
    code: str = ""


class CreateRead(Strict):
    """Where things are in an answer: dotted paths, or placeholders."""

    number: TextTemplate
    courier_order_id: str = ""
    label_base64: str = ""
    label_url: str = ""


class EventRead(Strict):
    """Within one event."""

    at: str | list[str]
    """Several are joined by a blank (a date, a time)."""
    code: str = ""
    text: str = ""
    note: str = ""
    location: str = ""


class TrackRead(Strict):
    """`status` is the courier's own summary."""

    number: TextTemplate = "{number}"
    status: str = ""
    events: str
    event: EventRead
    signed_by: str = ""
    estimated: str = ""


class LabelRead(Strict):
    """`$body`: the answer is the label."""

    label: str = BODY


class Create(Operation):
    read: CreateRead


class Track(Operation):
    read: TrackRead
    times: list[TimeFormat] = Field(min_length=1)
    time_zone: Zone | None = None


class LabelOperation(Operation):
    read: LabelRead = LabelRead()


class Operations(Strict):
    create: Create | None = None
    track: Track | None = None
    label: LabelOperation | None = None
    cancel: Operation | None = None


class Verify(Strict):
    """How a push proves where it is from."""

    kind: Literal["header_equals", "query_equals", "hmac_sha256", "none"]
    name: str = ""
    secret: TextTemplate = ""
    digest: Literal["hex", "base64"] = "hex"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind != "none" and not (self.name and self.secret):
            raise ValueError(f"{self.kind} needs name and secret")
        return self


class PushRead(Strict):
    """`status`: several are tried in turn."""

    number: str
    at: str | list[str]
    status: str | list[str] = []
    code: str = ""
    note: str = ""
    location: str = ""


class PushAnswer(Strict):
    status: int = 200
    body: str = ""


class Webhook(Strict):
    verify: Verify
    encode: Literal["json", "form"]
    read: PushRead
    times: list[TimeFormat] = Field(min_length=1)
    time_zone: Zone | None = None
    answer: PushAnswer = PushAnswer()


class Profile(Strict):
    """One courier."""

    slug: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    display_name: str = Field(min_length=1)
    basis: str = ""
    """Where this is known from."""
    base_url: BaseUrl = BaseUrl()
    timezone: Zone = DEFAULT_ZONE
    headers: dict[str, TextTemplate] = {}
    ascii_only: bool = False
    auth: Auth
    operations: Operations
    status_map: dict[str, Status] = {}
    webhook: Webhook | None = None

    @field_validator("status_map")
    @classmethod
    def _folded(cls, found: dict[str, Status]) -> dict[str, Status]:
        folded: dict[str, Status] = {}
        for name, status in found.items():
            if folded.setdefault(fold(name), status) != status:
                raise ValueError(f"{name!r} is there twice, with different meanings")
        return folded


def fold(text: str) -> str:
    """As statuses are compared: any case, blanks around and between do not count."""
    return " ".join(text.casefold().split())
