"""Every kind of webhook that the contract names, and those that nobody knows yet."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.protocol import Parsed, Sighting
from connectors.whatsapp import updates
from connectors.whatsapp.mapping import parse_delivery
from tests.connectors.whatsapp.conftest import FIXTURES, NUMBER, WABA, raw, sample

WEBHOOKS = sorted(path.stem for path in FIXTURES.glob("webhook_*.json"))
SENT_S = 1784522405


def parse(body: Any) -> Parsed:
    return parse_delivery(NUMBER, WABA, json.dumps(body).encode())


def delivery(*messages: dict[str, Any], **value: Any) -> dict[str, Any]:
    body: dict[str, Any] = sample("webhook_text")
    held = body["entry"][0]["changes"][0]["value"]
    held["messages"] = [
        {"from": "94771234567", "id": f"wamid.{n}", "timestamp": str(SENT_S + n), **message}
        for n, message in enumerate(messages)
    ]
    held |= value
    return body


def change(field: str, value: dict[str, Any]) -> dict[str, Any]:
    changes = [{"field": field, "value": value}]
    return {"object": "whatsapp_business_account",
            "entry": [{"id": WABA, "time": SENT_S, "changes": changes}]}  # fmt: skip


def only(parsed: Parsed) -> Sighting:
    (sighting,) = parsed.sightings
    return sighting


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_sample_says_something_the_same_each_time(name: str) -> None:
    parsed = parse_delivery(NUMBER, WABA, raw(name))
    assert parsed.sightings
    told = [one.field for one in parsed.notices]
    mixed = name == "webhook_mixed_batch"
    assert told == (["errors", "message_template_status_update"] if mixed else [])
    assert parsed == parse_delivery(NUMBER, WABA, raw(name))


def test_an_edit_changes_the_message_it_is_about() -> None:
    inner = {"type": "text", "text": {"body": "2 packets, not 3"}}
    edit = {"original_message_id": "wamid.first", "message": inner}
    sighting = only(parse(delivery({"type": "edit", "edit": edit})))
    assert sighting.external_id == "wamid.first"
    assert sighting.seen is not None
    assert sighting.seen.fields["body"] == "2 packets, not 3"
    assert sighting.seen.fields["type"] == "text"
    assert sighting.seen.fields["editedAt"] == "2026-07-20T04:40:05.000Z"
    assert sighting.seen.as_of > SENT_S * 1000  # later than the original of the same second


def test_a_deletion_takes_the_words_away() -> None:
    revoke = {"original_message_id": "wamid.first"}
    sighting = only(parse(delivery({"type": "revoke", "revoke": revoke})))
    assert sighting.external_id == "wamid.first"
    assert sighting.seen is not None
    assert (sighting.seen.fields["body"], sighting.seen.fields["media"]) == (None, None)
    assert sighting.seen.fields["revokedAt"] == "2026-07-20T04:40:05.000Z"


def test_a_new_number_and_a_new_user_id() -> None:
    system = {"type": "user_changed_number", "wa_id": "94770000001", "user_id": "LK.2",
              "previous_user_id": "LK.1", "body": "changed"}  # fmt: skip
    seen = only(parse(delivery({"type": "system", "system": system}))).seen
    assert seen is not None
    assert seen.fields["media"] == {
        "event": "user_changed_number", "waId": "94770000001", "userId": "LK.2",
        "previousUserId": "LK.1",
    }  # fmt: skip


def test_contacts_an_ad_and_a_forward() -> None:
    people = [{"name": {"formatted_name": "Ravi"}, "phones": [{"phone": "+94 77 000"}]}]
    referral = {"source_url": "https://fb.me/x", "source_id": "12", "headline": "New tea"}
    seen = only(
        parse(
            delivery(
                {
                    "type": "contacts",
                    "contacts": people,
                    "referral": referral,
                    "context": {"forwarded": True},
                }
            )
        )
    ).seen
    assert seen is not None
    assert seen.fields["body"] == "Ravi"
    assert seen.fields["media"] == {"contacts": [{"name": "Ravi", "phones": ["+94 77 000"]}]}
    assert seen.fields["context"] == {
        "forwarded": True, "ad": {"url": "https://fb.me/x", "id": "12", "headline": "New tea"},
    }  # fmt: skip


@pytest.mark.parametrize("field", sorted(updates.KNOWN))
def test_news_of_the_account_is_no_message(field: str) -> None:
    parsed = parse(change(field, {"event": "APPROVED", "message_template_name": "order_status"}))
    (notice,) = parsed.notices
    assert (notice.field, notice.trouble, notice.at_ms) == (field, "", SENT_S * 1000)
    assert notice.value["message_template_name"] == "order_status"
    assert parsed.sightings == ()
    assert parsed.ignored == ""


def test_news_that_nobody_knows_is_kept_with_its_reason() -> None:
    (notice,) = parse(change("telepathy", {"thought": "tea"})).notices
    assert notice.trouble == updates.UNKNOWN
    assert notice.value == {"thought": "tea"}


def test_what_has_no_id_and_what_meta_complains_of_is_kept() -> None:
    errors = [{"code": 131000, "title": "Something went wrong"}]
    statuses = [{"status": "read"}, {"status": "warned", "id": "wamid.7"}]
    body = delivery({"type": "text", "text": {"body": "hi"}}, errors=errors, statuses=statuses)
    held = body["entry"][0]["changes"][0]["value"]["messages"]
    held.append({"type": "text", "text": {"body": "nameless"}})
    parsed = parse(body)
    assert [one.external_id for one in parsed.sightings] == ["wamid.0"]
    assert [(one.field, bool(one.trouble)) for one in parsed.notices] == [
        ("errors", True), ("message", True), ("status", True),
    ]  # fmt: skip
    assert parsed.notices[0].trouble == "131000: Something went wrong"


def test_several_accounts_in_one_document_each_read_their_own() -> None:
    body = sample("webhook_text")
    other = json.loads(json.dumps(body["entry"][0]))
    other["id"] = "another-account"
    other["changes"][0]["value"]["metadata"]["phone_number_id"] = "999"
    other["changes"][0]["value"]["messages"][0]["id"] = "wamid.other"
    body["entry"] += [other, change("account_update", {"event": "VERIFIED"})["entry"][0]]
    ours, theirs = parse(body), parse_delivery("999", "another-account", json.dumps(body).encode())
    assert len(ours.sightings) == len(ours.notices) == 1
    assert [one.external_id for one in theirs.sightings] == ["wamid.other"]
    assert theirs.notices == ()


def test_a_notice_has_one_id_however_it_comes() -> None:
    first = change("account_update", {"event": "VERIFIED", "phone_number": "94112345678"})
    again = change("account_update", {"phone_number": "94112345678", "event": "VERIFIED"})
    other = change("account_update", {"event": "DISABLED", "phone_number": "94112345678"})
    ids = [parse(one).notices[0].id for one in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]
