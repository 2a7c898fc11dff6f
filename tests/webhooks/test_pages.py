"""The pages of a purchase: they send on, they tell, and they change nothing."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from quota_core.catalog import Catalog
from tests.sandbox.stripe_fixture import Shop, open_shop
from tests.webhooks.running import BEN, HOOK, Running, running
from webhooks.page_words import MESSAGES, language_for
from webhooks.server import Limits

SUCCESS, CANCEL = "/checkout/success", "/checkout/cancel"
REFRESH = re.compile(r'<meta http-equiv="refresh" content="(\d+);url=([^"]*)">')


@pytest.fixture
async def long_shop() -> AsyncIterator[Shop]:
    """Return a local Stripe whose links are longer than a button takes."""
    async with open_shop(hooked=False, url_length=600) as opened:
        yield opened


async def seen(bot: Running, path: str, **headers: str) -> tuple[int, str]:
    """Return status and HTML of a page."""
    async with bot.http.get(path, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def test_a_long_link_is_reached_through_our_own(
    tmp_path: Path, catalog: Catalog, long_shop: Shop
) -> None:
    """To the letter, with its fragment, by a link that fits a button."""
    async with running(tmp_path, catalog, shop=long_shop) as bot:
        opened, _ = await bot.buy()
        own = f"{bot.url}/pay/{opened.token}"
        async with bot.http.get(own, allow_redirects=False) as answer:
            location = answer.headers["Location"]

    assert (answer.status, location, len(location)) == (303, opened.url, 600)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert len(own) < 512


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("paid", "Paid. Thank you!"),
        ("pending", "Your payment is on its way"),
        ("failed", "The payment did not go through"),
        ("expired", "This link has expired"),
    ],
)
async def test_a_link_whose_order_cannot_be_paid_says_why(
    bot: Running, shop: Shop, state: str, title: str
) -> None:
    """And never sends anybody to pay a second time."""
    opened, order = await bot.buy()
    await bring_to(bot, shop, str(order.reference), state)
    status, html = await seen(bot, f"/pay/{opened.token}")

    assert (await bot.purchases.order(order.id)).state == state
    assert status == 200
    assert f"<h1>{title}</h1>" in html


async def bring_to(bot: Running, shop: Shop, checkout: str, state: str) -> None:
    """Let the buyer and the bank bring a session to a state, and wait until the bot heard of it."""
    if state == "expired":
        await shop.control("expire", checkout=checkout)
        await shop.attempts("checkout.session.expired", until=1)
        return
    await shop.control("pay", checkout=checkout, outcome="paid" if state == "paid" else "delayed")
    await shop.attempts("checkout.session.completed", until=1)
    if state == "failed":
        await shop.control("settle", checkout=checkout, outcome="failed")
        await shop.attempts("checkout.session.async_payment_failed", until=1)
    assert bot.url


async def test_a_link_past_its_time_is_expired_even_before_stripe_says_so(bot: Running) -> None:
    """By our own clock."""
    opened, _ = await bot.buy()
    bot.watch.ahead_ms += 61 * 60_000
    status, html = await seen(bot, f"/pay/{opened.token}")

    assert status == 200
    assert "This link has expired" in html


async def test_a_link_whose_page_is_still_being_opened_asks_for_a_moment(bot: Running, shop: Shop) -> None:
    """Stripe has not answered yet: the page looks again by itself."""
    shop.faults.add("stripe", "cut", times=3)
    with pytest.raises(Exception, match="APIConnectionError"):
        await bot.buy()
    [[token]] = await bot.rows("SELECT token FROM orders")
    status, html = await seen(bot, f"/pay/{token}")

    assert status == 200
    assert "<h1>One moment</h1>" in html
    assert REFRESH.search(html) is not None


@pytest.mark.parametrize("token", ["unknown", "x" * 300, "%00", "é", "%ED%A0%80", "..%2F..", "' OR 1=1 --"])
async def test_a_link_that_was_never_made_is_a_404_like_any_other(bot: Running, token: str) -> None:
    """Equal answers, so that guessing learns nothing."""
    status, html = await seen(bot, f"/pay/{token}")

    assert status == 404
    assert html == (await seen(bot, "/pay/another"))[1]


async def test_the_success_page_tells_and_never_credits(bot: Running, shop: Shop) -> None:
    """Opened a hundred times before the payment, it changes nothing; afterwards it says so."""
    _, order = await bot.buy()
    path = f"{SUCCESS}?session_id={order.reference}"
    rows = await bot.rows("SELECT * FROM orders")
    before = await asyncio.gather(*(seen(bot, path) for _ in range(100)))
    untouched = await bot.rows("SELECT * FROM orders")
    units = await bot.purchased()
    await bring_to(bot, shop, str(order.reference), "paid")
    status, after = await seen(bot, path)

    assert {status for status, _ in before} == {200}
    assert "Waiting for the confirmation" in before[0][1]
    assert REFRESH.search(before[0][1]) is not None
    assert (rows, units) == (untouched, 0)
    assert status == 200
    assert "Added to your account: 1,000 requests." in after
    assert order.id in after
    assert REFRESH.search(after) is None


async def test_a_delayed_payment_is_looked_at_again_slowly(bot: Running, shop: Shop) -> None:
    """A bank takes days."""
    _, order = await bot.buy()
    await bring_to(bot, shop, str(order.reference), "pending")
    path = f"{SUCCESS}?session_id={order.reference}&lang=en"
    _, html = await seen(bot, path)
    refresh = REFRESH.search(html)

    assert "Your payment is on its way" in html
    assert refresh is not None
    assert int(refresh[1]) >= 30
    # Without its own address, a browser that carries a fragment from Stripe's page would load nothing.
    assert unescape(refresh[2]) == path


async def test_the_success_page_shows_one_order_and_no_account(bot: Running) -> None:
    """The address of somebody's page is no way to learn who bought."""
    _, order = await bot.buy()
    _, other = await bot.buy(BEN, "quota_100")
    _, html = await seen(bot, f"{SUCCESS}?session_id={order.reference}")

    assert order.account_ref[1] not in html
    assert "@ana" not in html
    assert other.id not in html
    assert "14.99" not in html


@pytest.mark.parametrize(
    "query", ["", "?session_id=", "?session_id=cs_test_unknown", "?session_id=%00", "?x=1"]
)
async def test_a_success_page_of_nothing_is_a_404(bot: Running, query: str) -> None:
    """Also when Stripe's placeholder was never filled."""
    assert (await seen(bot, SUCCESS + query))[0] == 404


async def test_who_gives_up_is_told_that_nothing_was_charged(bot: Running) -> None:
    """In both languages."""
    status, english = await seen(bot, CANCEL)
    _, french = await seen(bot, f"{CANCEL}?lang=fr")

    assert status == 200
    assert "Nothing was charged" in english
    assert "Rien n&#x27;a été débité" in french
    assert '<html lang="fr">' in french


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        *(
            (None, "", "en"),
            ("fr", "en", "fr"),
            ("en", "fr", "en"),
            ("de", "fr", "fr"),
            (None, "fr-CA", "fr"),
        ),
        *((None, "de, fr;q=0.8, en;q=0.9", "en"), (None, "de, fr;q=0.9, en;q=0.8", "fr"), (None, "*", "en")),
        *((None, "fr,en", "fr"), (None, "en,fr", "en"), (None, "FR", "fr"), (None, ";;q=,,fr;q=x", "en")),
        *((None, "fr;q=0", "en"), (None, "x" * 10_000 + ",fr", "en"), ("../../etc", "", "en")),
    ],
)
def test_which_language_a_browser_gets(asked: str | None, accepted: str, language: str) -> None:
    """The address first, then the browser's own order."""
    assert language_for(asked, accepted) == language


def test_both_languages_say_the_same_things() -> None:
    """The same messages, as many lines each, with the same facts."""
    english, french = MESSAGES["en"], MESSAGES["fr"]

    assert english.keys() == french.keys()
    for name in english:
        assert len(english[name]) == len(french[name]), name
        for one, other in zip(english[name], french[name], strict=True):
            assert re.findall(r"{\w+}", one) == re.findall(r"{\w+}", other), name


async def test_every_page_is_closed_to_scripts_frames_and_caches(bot: Running) -> None:
    """The only thing it loads is its own style, named by its digest."""
    for path in (CANCEL, "/pay/unknown", f"{SUCCESS}?session_id=x"):
        async with bot.http.get(path) as answer:
            html = await answer.text()
            policy = answer.headers["Content-Security-Policy"]
            style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()

            assert policy.startswith("default-src 'none'; style-src 'sha256-")
            assert f"'sha256-{digest}'" in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Robots-Tag"] == "noindex"
            assert "<script" not in html
            assert len(style) == 1


async def test_the_way_back_is_shown_when_there_is_one(tmp_path: Path, catalog: Catalog) -> None:
    """And escaped like everything else."""
    async with running(tmp_path, catalog, back_url='https://x.example/?a="b"&c') as bot:
        _, html = await seen(bot, CANCEL)

    assert '<a href="https://x.example/?a=&quot;b&quot;&amp;c">Back to Discord</a>' in html


async def test_pages_have_a_budget_of_their_own(tmp_path: Path, catalog: Catalog) -> None:
    """And Stripe's deliveries another."""
    async with running(tmp_path, catalog, limits=Limits(pages=2)) as bot:
        pages = [(await seen(bot, CANCEL))[0] for _ in range(3)]
        hook, _ = await bot.deliver({"id": "evt_1", "type": "a"})
        post, _, _ = await bot.ask("POST", HOOK, data=b"{}")

    assert pages == [200, 200, 429]
    assert (hook, post) == (200, 400)
