"""The documented answers of the REST API, number by number."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quota_core.access_keys import Scope
from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.catalog_file import parse
from tests.sandbox.stripe_fixture import Shop
from tests.webhooks.running import ANA, BEN, Running, operator, running

READ, BUY = f"/api/quota/{ANA.external_id}", "/api/quota/checkout"


def changed(catalog_text: Callable[[str], str]) -> Catalog:
    """Return the catalog that the bot ships with, changed as text."""
    text = (Path("data/catalogs") / "quota-manager.toml").read_text(encoding="utf-8")
    return parse(catalog_text(text), name="changed")


async def test_the_documented_example(alone: Running) -> None:
    """450 of 1,000 used today, 1,200 of 5,000 purchased units used before: 4,350 are left."""
    alone.watch.to_noon()
    await alone.grants.set_plan(ANA, "pro", until_ms=None, actor=operator(), reason="", key="plan")
    await alone.grants.add(ANA, 5000, actor=operator(), reason="", key="grant")
    await alone.quota.consume(ANA, 1000, key="yesterday 1")
    await alone.quota.consume(ANA, 1200, key="yesterday 2")
    alone.watch.ahead_ms += 24 * 3_600_000
    await alone.quota.consume(ANA, 450, key="today")
    status, answer, headers = await alone.ask("GET", READ, headers=await alone.key())
    today = datetime.fromtimestamp(alone.watch() / 1000, UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )

    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert answer == {
        "daily_limit": 1000,
        "daily_used": 450,
        "daily_remaining": 550,
        "purchased_quota": 5000,
        "purchased_used": 1200,
        "purchased_remaining": 3800,
        "total_remaining": 4350,
        "reset_at": (today + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


async def test_somebody_who_was_never_seen_has_what_the_default_plan_gives(alone: Running) -> None:
    """And looking makes no account."""
    _, answer, _ = await alone.ask("GET", "/api/quota/42", headers=await alone.key())

    assert (answer["daily_limit"], answer["daily_used"], answer["daily_remaining"]) == (50, 0, 50)
    assert (answer["purchased_quota"], answer["total_remaining"]) == (0, 50)
    assert await alone.rows("SELECT * FROM accounts") == []


async def test_unlimited_is_null(tmp_path: Path) -> None:
    """There is no number for it."""
    unlimited = changed(lambda text: text.replace("limit = 50\n", 'limit = "unlimited"\n'))
    async with running(tmp_path, unlimited) as bot:
        bot.watch.to_noon()
        await bot.quota.consume(ANA, 7, key="k")
        _, answer, _ = await bot.ask("GET", READ, headers=await bot.key())

    assert (answer["daily_limit"], answer["daily_used"], answer["daily_remaining"]) == (None, 7, None)
    assert answer["total_remaining"] is None


async def test_a_plan_without_the_metric_is_null_and_nothing_is_left(tmp_path: Path) -> None:
    """Until something is bought."""
    window = '[[plans.free.allowances]]\nmetric = "requests"\nlimit = 50\nperiod = "day"\n'
    window += 'thresholds = [{ at = 95, severity = "warning" }]\n'
    bare = changed(lambda text: text.replace(window, ""))
    async with running(tmp_path, bare) as bot:
        _, nothing, _ = await bot.ask("GET", READ, headers=await bot.key())
        await bot.grants.add(ANA, 5, actor=operator(), reason="", key="grant")
        _, bought, _ = await bot.ask("GET", READ, headers=await bot.key())

    assert nothing["daily_limit"] is None
    assert nothing["daily_used"] is None
    assert nothing["reset_at"] is None
    assert (nothing["purchased_quota"], nothing["total_remaining"]) == (0, 0)
    assert (bought["daily_limit"], bought["purchased_remaining"], bought["total_remaining"]) == (None, 5, 5)


async def test_of_several_windows_the_daily_one_is_shown(tmp_path: Path) -> None:
    """And the total is what all of them leave together."""
    month = '[[plans.free.allowances]]\nmetric = "requests"\nlimit = 60\nperiod = "month"\n'
    both = changed(
        lambda text: text.replace("[[plans.free.allowances]]", f"{month}\n[[plans.free.allowances]]")
    )
    async with running(tmp_path, both) as bot:
        bot.watch.to_noon()
        await bot.quota.consume(ANA, 50, key="k")
        _, answer, _ = await bot.ask("GET", READ, headers=await bot.key())

    assert (answer["daily_limit"], answer["daily_remaining"], answer["total_remaining"]) == (50, 0, 0)


@pytest.mark.parametrize(
    ("spelled", "status"),
    [
        *(
            ("42", 200),
            ("user:42", 200),
            ("18446744073709551615", 200),
            ("guild:42", 200),
            ("project:x", 200),
        ),
        *(("0", 400), ("-1", 400), ("user:", 400), ("abc", 400), ("1.5", 400), ("%00", 400), ("1%0a", 400)),
        *(
            ("%F0%9F%98%80", 400),
            ("9" * 21, 400),
            ("x" * 201, 400),
            ("..%2f..", 400),
            ("", 404),
            ("1/2", 404),
        ),
        *(("%D9%A1", 400), ("1_0", 400), ("%20", 400), ("+1", 400)),
    ],
)
async def test_how_an_account_may_be_spelled(alone: Running, spelled: str, status: int) -> None:
    """Bare digits are a user; nonsense is a 4xx."""
    from yarl import URL  # noqa: PLC0415 - only here the path must go out as it is written

    path = URL(f"{alone.url}/api/quota/{spelled}", encoded=True)
    async with alone.http.get(path, headers=await alone.key()) as answer:
        body = json.loads(await answer.read())

    assert answer.status == status
    assert status == 200 or body["status"] == status


async def test_a_payment_page_is_opened_as_documented(bot: Running, shop: Shop) -> None:
    """Session, link, units, and the price for people."""
    asked = {"user_id": int(ANA.external_id), "package_id": "quota_1000"}
    status, answer, _ = await bot.ask("POST", BUY, json=asked, headers=await bot.key())
    session = await shop.client.v1.checkout.sessions.retrieve_async(answer["session_id"])

    assert status == 200
    assert answer == {
        "session_id": session.id,
        "checkout_url": session.url,
        "amount": 1000,
        "price": "€14.99",
    }


async def test_ids_above_what_a_double_holds_survive_as_string_and_as_number(
    bot: Running, shop: Shop
) -> None:
    """9007199254740993 is not 9007199254740992: the units arrive where they belong."""
    answers = []
    for spelled in (ANA.external_id, int(ANA.external_id)):
        asked = {"user_id": spelled, "package_id": "quota_100"}
        answers.append((await bot.ask("POST", BUY, json=asked, headers=await bot.key()))[1])
    await shop.control("pay", checkout=answers[0]["session_id"], outcome="paid")
    await shop.attempts("checkout.session.completed", until=1)

    assert answers[0] == answers[1]
    assert await bot.purchased(ANA) == 100
    assert await bot.purchased(AccountRef("user", "9007199254740992")) == 0


async def test_the_page_is_in_the_language_the_buyer_was_last_seen_with(bot: Running, shop: Shop) -> None:
    """The default otherwise."""
    await bot.people.seen(ANA, "fr")
    for account in (ANA, BEN):
        asked = {"user_id": account.external_id, "package_id": "quota_100"}
        await bot.ask("POST", BUY, json=asked, headers=await bot.key())
    sessions = (await shop.client.v1.checkout.sessions.list_async()).data

    assert sorted(str(session.locale) for session in sessions) == ["en", "fr"]


async def test_a_brand_is_bought_for_by_a_user_who_is_told(bot: Running, shop: Shop) -> None:
    """The units are the brand's, the order is in its history, and the message goes to who paid."""
    brand = AccountRef("external", "brand:acme")
    asked = {"user_id": str(brand), "buyer_id": ANA.external_id, "package_id": "quota_100"}
    status, page, _ = await bot.ask("POST", BUY, json=asked, headers=await bot.key())
    ((parameters,),) = await bot.rows("SELECT parameters FROM orders")
    await shop.control("pay", checkout=page["session_id"], outcome="paid")
    await shop.attempts("checkout.session.completed", until=1)
    path = f"/usage-billing/topups/history?user_id={brand}"
    history = (await bot.ask("GET", path, headers=await bot.key()))[1]["top_ups"]
    told = await bot.rows("SELECT a.external_id, n.kind FROM notices n JOIN accounts a ON a.id = n.account")

    assert (status, str(brand) in parameters) == (200, True)
    assert (await bot.purchased(brand), await bot.purchased(ANA)) == (100, 0)
    assert [(one["units"], one["status"]) for one in history] == [(100, "paid")]
    assert told == [(ANA.external_id, "purchase")]


async def test_somebody_must_be_there_to_read_the_confirmation(bot: Running) -> None:
    """A brand cannot pay, and the key of an account names nobody else as the buyer."""
    brand = AccountRef("external", "brand:acme")
    asked = {"user_id": str(brand), "package_id": "quota_100"}
    alone, problem, _ = await bot.ask("POST", BUY, json=asked, headers=await bot.key())
    other, _, _ = await bot.ask("POST", BUY, json=asked | {"buyer_id": "team:x"}, headers=await bot.key())
    bound = await bot.key(Scope.CHECKOUT_CREATE, account=brand)
    others, hidden, _ = await bot.ask("POST", BUY, json=asked | {"buyer_id": "7"}, headers=bound)

    assert (alone, problem["type"], problem["detail"]) == (
        422,
        "urn:jauge:problem:not-a-user",
        "buyer_id names who pays",
    )
    assert (other, others, hidden["type"]) == (422, 404, "urn:jauge:problem:unknown-account")
    assert await bot.rows("SELECT * FROM orders") == []


async def test_an_unknown_package_is_a_404(bot: Running) -> None:
    """And no order is left behind."""
    asked = {"user_id": "7", "package_id": "quota_7"}
    status, answer, _ = await bot.ask("POST", BUY, json=asked, headers=await bot.key())

    assert (status, answer["type"]) == (404, "urn:jauge:problem:unknown-package")
    assert await bot.rows("SELECT * FROM orders") == []


async def test_when_stripe_fails_nothing_was_charged_and_it_may_be_tried_again(
    bot: Running, shop: Shop
) -> None:
    """503 with Retry-After, then a page."""
    asked = {"user_id": "7", "package_id": "quota_100"}
    await shop.control("fail", times=1)
    status, answer, headers = await bot.ask("POST", BUY, json=asked, headers=await bot.key())
    again, _, _ = await bot.ask("POST", BUY, json=asked, headers=await bot.key())

    assert (status, answer["type"]) == (503, "urn:jauge:problem:checkout-unavailable")
    assert int(headers["Retry-After"]) >= 1
    assert again == 200


async def test_without_stripe_the_api_says_that_nothing_is_sold(tmp_path: Path, catalog: Catalog) -> None:
    """Reading goes on."""
    async with running(tmp_path, catalog, selling=False) as bot:
        asked = {"user_id": "7", "package_id": "quota_100"}
        status, answer, headers = await bot.ask("POST", BUY, json=asked, headers=await bot.key())
        read, _, _ = await bot.ask("GET", READ, headers=await bot.key())

    assert (status, answer["type"], read) == (503, "urn:jauge:problem:checkout-not-configured", 200)
    assert headers["Retry-After"] == "3600"
