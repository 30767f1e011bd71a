"""`/api/integrations/pairing-code`, `/pair`, `/woocommerce/authorize`, `/woocommerce/callback`:
connecting a shop without typing keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from api.deps import UseCaller, UseServices
from api.pairing import Keys, Pairing, told
from api.routes.integrations import as_json, check_urls
from api.services import Services

router = APIRouter(prefix="/api/integrations", tags=["integrations"])

Address = Annotated[str, StringConstraints(min_length=8, max_length=500)]
Secret = Annotated[SecretStr, StringConstraints(min_length=1, max_length=500)]


class Paired(BaseModel):
    """What the plugin hands over."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    code: Annotated[SecretStr, StringConstraints(max_length=4_000)]
    site_url: Address = Field(alias="siteUrl")
    consumer_key: Secret = Field(alias="consumerKey")
    consumer_secret: Secret = Field(alias="consumerSecret")


class Approved(BaseModel):
    """What WooCommerce's approval screen sends, in its own names."""

    model_config = ConfigDict(extra="ignore")

    user_id: Annotated[str, StringConstraints(max_length=200)]
    consumer_key: Secret
    consumer_secret: Secret


@router.post("/pairing-code", status_code=201)
async def make_code(caller: UseCaller, use: UseServices) -> Response:
    """A code for the plugin's settings page, good for 15 minutes and once."""
    return as_json(await _pairing(use).code(caller.organization_id, use.clock_ms()), 201)


@router.post("/pair", status_code=201)
async def pair(wanted: Paired, use: UseServices) -> Response:
    """The plugin brings a code and a key of its shop; the code says whose it is. The connection
    waits for its preview to be confirmed. 403 for a code that is wrong, spent or too old."""
    check_urls(use, {"site_url": wanted.site_url})
    keys = Keys(
        wanted.site_url,
        wanted.consumer_key.get_secret_value(),
        wanted.consumer_secret.get_secret_value(),
    )
    return as_json(told(await _pairing(use).pair(wanted.code.get_secret_value(), keys)), 201)


@router.post("/woocommerce/authorize")
async def authorize(siteUrl: Address, caller: UseCaller, use: UseServices) -> Response:
    """The address of the shop's own screen where its keeper approves; open it in a browser. A POST,
    for a key that only reads must not begin what ends in new keys."""
    check_urls(use, {"site_url": siteUrl})
    return as_json({"url": await _pairing(use).authorize_url(caller.organization_id, siteUrl)})


@router.post("/woocommerce/callback")
async def callback(wanted: Approved, use: UseServices) -> Response:
    """The shop's answer after the approval; WooCommerce keeps the key only when it gets a 200."""
    made = await _pairing(use).approved(
        wanted.user_id,
        wanted.consumer_key.get_secret_value(),
        wanted.consumer_secret.get_secret_value(),
    )
    return as_json(told(made))


def _pairing(use: Services) -> Pairing:
    return Pairing(use.database, use.directory, use.settings.base_url)
