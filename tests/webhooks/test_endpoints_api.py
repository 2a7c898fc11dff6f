"""Endpoints over HTTP: an account's and the operators', their secrets, tests, deliveries and repetitions."""

import json
from typing import Any

import pytest

from quota_core import resending
from quota_core.access_keys import Scope
from quota_core.recipients import MAX_RECIPIENTS
from tests.webhooks.running import ANA, BEN, OPERATOR, Running

PROBLEM = "urn:jauge:problem:"
OWN, OPERATORS = "/api/webhooks/endpoints", "/api/admin/webhooks/endpoints"
HOUR_MS = 3_600_000
HOOK = "https://hooks.example/in/secret-path"


async def added(bot: Running, headers: dict[str, str], root: str = OWN, **body: Any) -> dict[str, Any]:
    """Return what adding an endpoint answers."""
    status, answer, _ = await bot.ask("POST", root, json={"url": HOOK, **body}, headers=headers)
    assert status == 200, answer
    found: dict[str, Any] = answer
    return found


async def refusal(bot: Running, method: str, path: str, **options: Any) -> tuple[int, str]:
    """Return status and name of a refusal."""
    status, answer, _ = await bot.ask(method, path, **options)
    return status, answer["type"].removeprefix(PROBLEM)


async def test_a_secret_is_answered_once_and_no_address(alone: Running) -> None:
    """Its path may be a secret too; a list shows neither."""
    headers = await alone.key(Scope.WEBHOOKS_MANAGE, account=ANA)
    made = await added(alone, headers, events=["usage.quota.alert"])
    _, listed, _ = await alone.ask("GET", OWN, headers=headers)
    status, turned, _ = await alone.ask("POST", f"{OWN}/{made['id']}/rotate", headers=headers)

    assert made["secret"].startswith("whsec_")
    assert listed["endpoints"] == [{name: made[name] for name in made if name != "secret"}]
    assert "secret-path" not in json.dumps([made, listed, turned])
    assert (made["host"], made["events"], made["enabled"]) == ("hooks.example", ["usage.quota.alert"], True)
    assert (status, turned["secret"] == made["secret"]) == (200, False)
    assert turned["old_secret_until"] is not None


async def test_events_are_chosen_by_their_names(alone: Running) -> None:
    """None is all of them; those for operators are theirs alone."""
    own, operators = await alone.key(account=ANA), await alone.key()
    made = await added(alone, own)
    theirs = await added(alone, operators, OPERATORS, events=["billing.payment.held"])
    path = f"{OWN}/{made['id']}"
    _, some, _ = await alone.ask("PATCH", path, json={"events": ["billing.topup.failed"]}, headers=own)
    refusals = [
        await refusal(alone, "PATCH", path, json={"events": [name]}, headers=own)
        for name in ("billing.payment.held", "endpoint.test", "purchase")
    ]
    _, every, _ = await alone.ask("PATCH", path, json={"events": []}, headers=own)

    assert (made["events"], some["events"], every["events"]) == ([], ["billing.topup.failed"], [])
    assert theirs["events"] == ["billing.payment.held"]
    assert set(refusals) == {(422, "unknown-event")}


async def test_only_ones_own_endpoints_are_reached(alone: Running) -> None:
    """Another account's, the operators' and none at all look alike; a service names whose it means."""
    own, other = await alone.key(account=ANA), await alone.key(account=BEN)
    service = await alone.key(Scope.WEBHOOKS_MANAGE)
    made, theirs = await added(alone, own), await added(alone, await alone.key(), OPERATORS)
    calls = [("PATCH", ""), ("DELETE", ""), *(("POST", f"/{one}") for one in ("rotate", "enable", "test"))]
    calls += [("GET", "/deliveries"), ("POST", "/deliveries/1/replay")]
    seen = set()
    for method, rest in calls:
        body: dict[str, Any] = {"json": {"events": []}} if method == "PATCH" else {}
        for headers, number in ((other, made["id"]), (own, theirs["id"]), (own, "x"), (own, 10**20)):
            seen.add(await refusal(alone, method, f"{OWN}/{number}{rest}", headers=headers, **body))
    seen.add(await refusal(alone, "POST", f"{OPERATORS}/{made['id']}/test", headers=await alone.key()))
    named, _, _ = await alone.ask("GET", OWN, headers=service | {"X-User-ID": str(ANA)})
    bound = await refusal(alone, "GET", OPERATORS, headers=own)
    nobody = await refusal(alone, "GET", OWN, headers=service)
    foreign = await refusal(alone, "GET", f"{OWN}?user_id={ANA}", headers=other)

    assert seen == {(404, "unknown-endpoint")}
    assert named == 200
    assert (bound, nobody, foreign) == ((403, "not-allowed"), (422, "invalid-body"), (404, "unknown-account"))


async def test_addresses_are_bounded_in_form_and_number(alone: Running) -> None:
    """Plain http, a password, what is not public by its name, one that is there, more than there may be."""
    headers = await alone.key(account=ANA)
    hosts = ("a:b@hooks.example", "127.0.0.1", "10.0.0.1:443", "[::1]", "localhost", "a.LOCALHOST.", "")
    unfit = {
        await refusal(alone, "POST", OWN, json={"url": url}, headers=headers)
        for url in (
            "http://hooks.example/",
            "ftp://hooks.example/",
            "x",
            *(f"https://{one}/" for one in hosts),
        )
    }
    await added(alone, headers)
    twice = await refusal(alone, "POST", OWN, json={"url": HOOK}, headers=headers)
    for number in range(MAX_RECIPIENTS - 1):
        await added(alone, headers, url=f"{HOOK}/{number}")
    many = await refusal(alone, "POST", OWN, json={"url": f"{HOOK}/more"}, headers=headers)

    assert unfit == {(422, "unfit-address")}
    assert (twice, many) == ((409, "endpoint-exists"), (409, "too-many-endpoints"))


async def test_mail_is_no_endpoint(alone: Running) -> None:
    """Other recipients of the account are neither listed nor reached."""
    mail = await alone.messages.recipients.add(ANA, "email", "ana@example.org")
    headers = await alone.key(account=ANA)
    _, listed, _ = await alone.ask("GET", OWN, headers=headers)
    removed = await refusal(alone, "DELETE", f"{OWN}/{mail.id}", headers=headers)

    assert listed["endpoints"] == []
    assert removed == (404, "unknown-endpoint")
    assert len(await alone.messages.recipients.of(ANA)) == 1


@pytest.mark.parametrize("root", [OWN, OPERATORS])
async def test_a_test_is_logged_and_sent_again(
    alone: Running, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a pause between two; a page of the log ends where the next one begins."""
    # Longer than a busy machine may take for two requests.
    monkeypatch.setattr(resending, "PAUSE_MS", HOUR_MS)
    headers = await alone.key(account=ANA if root == OWN else None)
    made = await added(alone, headers, root)
    path = f"{root}/{made['id']}"
    for _ in range(3):
        status, queued, _ = await alone.ask("POST", f"{path}/test", headers=headers)
        assert (status, queued) == (200, {"endpoint": made["id"], "queued": True})
        soon = await refusal(alone, "POST", f"{path}/test", headers=headers)
        assert soon == (429, "too-soon")
        alone.watch.ahead_ms += HOUR_MS
    _, first, _ = await alone.ask("GET", f"{path}/deliveries?limit=2", headers=headers)
    _, rest, _ = await alone.ask(
        "GET", f"{path}/deliveries?limit=2&cursor={first['next_cursor']}", headers=headers
    )
    notice = await alone.notices.claim("webhook")
    assert notice is not None
    await alone.notices.sent(notice)
    replayed, _, _ = await alone.ask("POST", f"{path}/deliveries/{notice.id}/replay", headers=headers)
    again = await alone.notices.claim("webhook")
    unknown = await refusal(alone, "POST", f"{path}/deliveries/{10**6}/replay", headers=headers)

    log = [*first["deliveries"], *rest["deliveries"]]
    assert [one["event"] for one in log] == ["endpoint.test"] * 3
    assert [one["id"] for one in log] == sorted((one["id"] for one in log), reverse=True)
    assert {one["user_id"] for one in log} == {str(ANA if root == OWN else OPERATOR)}
    assert rest["next_cursor"] is None
    assert replayed == 200
    assert again is not None
    assert unknown == (404, "unknown-delivery")


async def test_what_was_turned_off_is_enabled_again(alone: Running) -> None:
    """Until then nothing is sent there; removed, it is unknown."""
    headers = await alone.key(account=ANA)
    made = await added(alone, headers)
    path = f"{OWN}/{made['id']}"
    await alone.ask("POST", f"{path}/test", headers=headers)
    notice = await alone.notices.claim("webhook")
    assert notice is not None
    [one] = await alone.messages.recipients.of(ANA)
    await alone.messages.recipients.failed(one, notice, gone=True)
    _, listed, _ = await alone.ask("GET", OWN, headers=headers)
    off = await refusal(alone, "POST", f"{path}/test", headers=headers)
    _, enabled, _ = await alone.ask("POST", f"{path}/enable", headers=headers)
    _, removed, _ = await alone.ask("DELETE", path, headers=headers)
    gone = await refusal(alone, "DELETE", path, headers=headers)

    assert (listed["endpoints"][0]["enabled"], enabled["enabled"]) == (False, True)
    assert off == (409, "endpoint-disabled")
    assert removed == {"id": made["id"], "removed": True}
    assert gone == (404, "unknown-endpoint")
