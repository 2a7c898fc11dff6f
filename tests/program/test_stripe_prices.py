"""The catalog's prices beside Stripe's, as an operator compares them: commands, over a real socket."""

import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from quota_core import catalog_file
from settings import load
from stripe_commands import opened_client, sync_prices, verify_prices
from tests.program.place import STRIPE_KEY, WEBHOOK_SECRET, Place
from tests.program.process import finished
from webhooks.stripe_prices import StripePrices

CATALOG = """
currency = "EUR"
default_plan = "free"
primary_metric = "requests"

[metrics.requests]
label = { en = "requests", fr = "requêtes" }

[plans.free]
rank = 0
label = { en = "Free", fr = "Gratuit" }
description = { en = "A little", fr = "Un peu" }
price_minor = 0

[plans.pro]
rank = 1
label = { en = "Pro", fr = "Pro" }
description = { en = "A lot", fr = "Beaucoup" }
price_minor = 2900
interval = "month"

[packages.small]
label = { en = "Small", fr = "Petit" }
description = { en = "Some", fr = "Quelques-unes" }
metric = "requests"
units = 100
price_minor = 299
"""


class Account:
    """A Stripe account in a world, and a catalog to compare with it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._catalog = place.cwd / "catalog.toml"
        self.write(CATALOG)

    def write(self, text: str) -> None:
        """Write the catalog."""
        Path(self._catalog).write_text(text, encoding="utf-8")

    async def command(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """Run a command as a process; return exit code, output and errors."""
        chosen = {**self._place.settings, "CATALOG": str(self._catalog), **settings}
        return await finished("stripe", *arguments, settings=chosen, cwd=self._place.cwd)

    async def run(self, action: str, *, packages: bool = False) -> tuple[int, str]:
        """Do what a command does, in this process; return its exit code and output."""
        lines: list[str] = []
        given = {"stripe_api_key": STRIPE_KEY, "stripe_api_url": self._place.sandbox.url}
        settings = load({**given, "stripe_webhook_secrets": WEBHOOK_SECRET}, need_discord=False)
        work = {"verify": verify_prices, "sync": sync_prices}[action]
        async with opened_client(settings) as client:
            catalog = catalog_file.load(str(self._catalog))
            code = await work(catalog, StripePrices(client), Namespace(packages=packages), lines.append)
        return code, "\n".join(lines)

    async def ask(self, method: str, path: str, **form: str) -> dict[str, Any]:
        """Ask Stripe itself."""
        headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
        async with (
            aiohttp.ClientSession(self._place.sandbox.url, headers=headers) as http,
            http.request(method, path, data=form or None) as answer,
        ):
            found: dict[str, Any] = await answer.json()
            return found

    async def prices(self) -> list[dict[str, Any]]:
        """Return all prices of the account."""
        return list((await self.ask("GET", "/v1/prices"))["data"])


@pytest.fixture
def account(place: Place) -> Account:
    """Return an account without prices."""
    return Account(place)


async def test_what_is_missing_is_made_once_and_then_agrees(account: Account) -> None:
    """Plans that cost something get a price; packages carry theirs in each order."""
    before, said, _ = await account.command("verify")
    made, told, _ = await account.command("sync")
    again, told_again = await account.run("sync")
    after, agreed = await account.run("verify")
    prices = await account.prices()

    assert (before, made, again, after) == (1, 0, 0, 0)
    assert "MISSING plan pro" in said
    assert "plan free" not in said
    assert "ok      package small: 2.99 EUR, sent with each order" in said
    assert "made" in told
    assert "made" not in told_again
    assert "catalog and Stripe agree" in agreed
    assert [(one["unit_amount"], one["currency"], one["recurring"]["interval"]) for one in prices] == [
        (2900, "eur", "month")
    ]


async def test_the_line_that_is_printed_is_one_for_the_catalog(account: Account) -> None:
    """Put where it says, it is the price that is compared from then on."""
    _, told = await account.run("sync")
    line = re.search(r"put into \[plans\.pro\]: (stripe_price = \"(price_\w+)\")", told)
    assert line is not None
    account.write(CATALOG.replace("price_minor = 2900", f"price_minor = 2900\n{line[1]}"))

    code, said = await account.run("verify")

    assert code == 0
    assert f"{line[2]} says the same" in said


async def test_another_amount_is_another_price_and_the_old_one_stays(account: Account) -> None:
    """Subscribers of the old price are not moved by an edit of a file."""
    await account.run("sync")
    account.write(CATALOG.replace("2900", "3900"))
    before, said = await account.run("verify")
    await account.run("sync")
    after, _ = await account.run("verify")
    prices = await account.prices()

    assert (before, after) == (1, 0)
    assert "no price of 39.00 EUR" in said
    assert sorted((one["unit_amount"], one["active"]) for one in prices) == [(2900, True), (3900, True)]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("2900\n", "2500\n"), "it is 29.00 EUR, the catalog says 25.00 EUR"),
        (('"EUR"', '"USD"'), "it is 29.00 EUR, the catalog says 29.00 USD"),
        (
            ('interval = "month"', 'interval = "year"'),
            "it is paid every 1 month, the catalog says every year",
        ),
        (("price_", "price_gone"), "Stripe has no price_gone"),
    ],
)
async def test_each_difference_is_named(account: Account, change: tuple[str, str], complaint: str) -> None:
    """In the words of somebody who has to decide which of the two is right."""
    await account.run("sync")
    price = (await account.prices())[0]["id"]
    named = CATALOG.replace("price_minor = 2900", f'price_minor = 2900\nstripe_price = "{price}"')
    old, new = change
    account.write(named.replace(f'"{old}', f'"{new}') if old == "price_" else named.replace(old, new))

    code, said = await account.run("verify")

    assert code == 1
    assert complaint in said


async def test_an_archived_price_is_no_price(account: Account) -> None:
    """Nobody could pay it."""
    await account.run("sync")
    price = (await account.prices())[0]["id"]
    account.write(CATALOG.replace("price_minor = 2900", f'price_minor = 2900\nstripe_price = "{price}"'))
    await account.ask("POST", f"/v1/prices/{price}", active="false")

    code, said = await account.run("verify")
    made, told = await account.run("sync")

    assert (code, made) == (1, 1)
    assert "it is archived" in said
    assert "it is archived" in told
    assert len(await account.prices()) == 1


async def test_a_package_gets_a_price_when_asked(account: Account) -> None:
    """For Stripe's reports."""
    code, told = await account.run("sync", packages=True)

    assert code == 0
    assert "put into [packages.small]" in told
    assert {one["unit_amount"] for one in await account.prices()} == {2900, 299}


@pytest.mark.parametrize(
    ("settings", "code", "complaint"),
    [
        ({"STRIPE_API_KEY": ""}, 78, "STRIPE_API_KEY: missing"),
        ({"STRIPE_API_KEY": "sk_test_!"}, 75, "Stripe refuses STRIPE_API_KEY"),
        ({"STRIPE_API_URL": "http://127.0.0.1:9"}, 75, "Stripe cannot be reached"),
    ],
)
async def test_trouble_is_told_in_a_line_without_the_key(
    account: Account, settings: dict[str, str], code: int, complaint: str
) -> None:
    """What to do, and no traceback."""
    found, _, err = await account.command("verify", **settings)

    assert found == code
    assert complaint in err
    assert "Traceback" not in err
    assert settings.get("STRIPE_API_KEY") or STRIPE_KEY not in err
