"""Two days without a single webhook, then one start: every payment is credited, and each only once."""

import time
from pathlib import Path

from quota_core.accounts import AccountRef
from quota_core.catalog_file import load
from quota_core.purchases import Purchases
from tests.core.opened_ledger import SteerableClock, open_ledger
from tests.core.recounting import assert_sound
from tests.program.process import Program
from tests.sandbox.stripe_fixture import SECRET, Shop, open_shop
from webhooks.product_text import ProductTexts
from webhooks.stripe_checkout import StripeCheckout

HOURS, STEP_HOURS = 48, 3
KEY = "sk_test_sandbox"


async def two_days(shop: Shop, file: Path) -> dict[str, int]:
    """Sell for two days while nothing is delivered; return what each buyer must have in the end."""
    catalog = load("quota-manager")
    shop.clock.offset_seconds = -HOURS * 3600
    clock = SteerableClock(int(shop.clock() * 1000))
    ledger = await open_ledger(file, catalog=catalog, clock=clock)
    checkout = StripeCheckout(
        KEY,
        api_url=shop.url,
        success_url="http://127.0.0.1:9/success",
        cancel_url="http://127.0.0.1:9/cancel",
        product=ProductTexts(catalog, terms_url=None),
    )
    purchases = Purchases(ledger.database, ledger.book, checkout, clock=clock)
    expected: dict[str, int] = {}
    for number in range(HOURS // STEP_HOURS):
        buyer = AccountRef("user", str(1000 + number))
        opened = await purchases.begin(buyer, "quota_1000", buyer=buyer, locale="en")
        kind = ("paid", "delayed", "refunded", "unpaid")[number % 4]
        if kind != "unpaid":
            outcome = "delayed" if kind == "delayed" else "paid"
            await shop.control("pay", checkout=opened.reference, outcome=outcome)
        shop.clock.offset_seconds += STEP_HOURS * 3600
        clock.move(hours=STEP_HOURS)
        if kind == "delayed":
            await shop.control("settle", checkout=opened.reference, outcome="succeeded")
        if kind == "refunded":
            await shop.control("refund", checkout=opened.reference)
        expected[str(buyer)] = 1000 if kind in ("paid", "delayed") else 0
    await checkout.close()
    await ledger.close()
    return expected


async def test_two_days_without_webhooks_are_made_up_for_by_one_start(tmp_path: Path) -> None:
    """A real process, which finds the ledger as its predecessor left it; then a second one, which adds nothing."""
    data = tmp_path / "data"
    data.mkdir()
    async with open_shop(hooked=False) as shop:
        expected = await two_days(shop, data / "quota.db")
        settings = {
            "STRIPE_API_KEY": KEY,
            "STRIPE_API_URL": shop.url,
            "STRIPE_WEBHOOK_SECRETS": SECRET,
            "STRIPE_CATCH_UP_SECONDS": "0.2",
            "PUBLIC_URL": "http://127.0.0.1:9",
            "HTTP_PORT": "0",
        }
        codes = []
        for pattern in ("events had not arrived", "caught up with Stripe"):
            async with Program(
                "run", "--only", "http", "--data", str(data), settings=settings, cwd=tmp_path
            ) as bot:
                await bot.ready()
                await bot.log.first(pattern)
                codes.append(await bot.stop())
                assert "ERROR" not in str(bot.log)
    ledger = await open_ledger(
        data / "quota.db", catalog=load("quota-manager"), clock=SteerableClock(int(time.time() * 1000))
    )
    found = {}
    for account in expected:
        part = (await ledger.balances.of(AccountRef.parse(account))).of("requests")
        found[account] = 0 if part is None else part.purchased_left
    purchases = [entry for entry in await ledger.entries() if entry.kind == 5]
    await assert_sound(ledger)
    await ledger.close()

    assert codes == [0, 0]
    assert found == expected
    assert len(purchases) == HOURS // STEP_HOURS * 3 // 4
