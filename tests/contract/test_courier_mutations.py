"""Every part of every recorded answer, replaced by what does not belong there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.couriers.errors import CourierError
from connectors.couriers.model import Created
from support.couriers import Sample, answering, asked, context, domestic, of, opened

ODD: tuple[Any, ...] = (None, 7, -1.5, "x", "", True, [], {}, [None], [[]], [7], {"x": None})


def mutated(value: Any) -> Iterator[Any]:
    """The document once for each part and each odd thing in its place, and without the part."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield {other: held for other, held in value.items() if other != name}
            for changed in (*ODD, *mutated(one)):
                yield {**value, name: changed}
    elif isinstance(value, list) and not all(isinstance(one, int) for one in value):
        for place, one in enumerate(value):
            for changed in (*ODD, *mutated(one)):
                yield [*value[:place], changed, *value[place + 1 :]]


@pytest.mark.parametrize("sample", of("track", "create", "cancel", "token"), ids=str)
def test_an_odd_answer_is_read_or_refused_never_stumbled_over(sample: Sample) -> None:
    """One odd field must not lose a shipment: what a courier answers raises a CourierError or
    nothing."""
    found, account, _ = opened(sample)
    response = sample.document["response"]
    numbers = asked(sample) if sample.operation == "track" else []
    given, ctx, made = domestic(), context(sample), Created("", "1", "SO-1")
    silent: list[CourierError] = []
    tried = 0
    for document in mutated(response["json"]):
        answer = answering(response["status"], document)
        try:
            if sample.operation == "track":
                told = found.track_response(account, numbers, answer, ctx)
                json.dumps([one.answer() for one in told.found])
            elif sample.operation == "create":
                found.create_response(account, [given], answer)
            elif sample.operation == "cancel":
                found.cancel_response(account, made, answer)
            else:
                found.token_response(account, answer)
        except CourierError as error:
            silent += [error] * (not error.messages)
        tried += 1
    assert tried > 10
    assert silent == []
