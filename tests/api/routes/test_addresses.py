"""Which addresses a connection may name: pure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi_problem.error import Problem

from api.routes.integrations import check_urls


def use(*, production: bool) -> Any:
    return cast("Any", SimpleNamespace(settings=SimpleNamespace(production=production)))


@pytest.mark.parametrize("value", ["true", "yes", "1"])
def test_private_addresses_are_for_development_only(value: str) -> None:
    check_urls(use(production=False), {"allow_private_addresses": value})
    with pytest.raises(Problem) as refused:
        check_urls(use(production=True), {"allow_private_addresses": value})
    assert refused.value.status == 422
    # To take it away is always allowed.
    check_urls(use(production=True), {"allow_private_addresses": ""})
