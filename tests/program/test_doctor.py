"""`doctor`: what it looks at, what it says to do, and what it never shows."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from sandbox.places import BOT_ROLE_ID, EVERYONE_ROLE_ID
from tests.program.place import SECRETS, STRIPE_KEY, Place
from tests.program.process import finished
from tests.sandbox.stripe_fixture import Shop, open_shop
from webhooks.checkup import NEEDED, reach_findings, stripe_findings


async def examined(place: Place, **settings: str) -> tuple[int, str]:
    """Run the command and return its exit code and what it said; no secret is ever in it."""
    code, out, err = await finished(
        "doctor", "--data", str(place.data), settings=place.settings | settings, cwd=place.cwd
    )
    assert not any(secret in out + err for secret in SECRETS)
    assert "Traceback" not in err
    return code, out + err


async def test_a_bot_that_sells_is_well(place: Place) -> None:
    """Beside the running bot: everything is looked at, nothing is to be done."""
    shipped = {"CATALOG": "quota-manager"}
    async with place.bot(**shipped) as bot:
        await place.pay(await place.buy())
        code, said = await examined(place, PUBLIC_URL=bot.url, **shipped)

    assert "TO DO" not in said
    assert code == 0
    for line in (
        "ok     catalog: quota-manager",
        "ok     Discord: the token is that of Jauge",
        "ok     Discord: the message-content intent is granted",
        "ok     Discord: in 1 server, with every permission",
        "ok     Stripe: the key is good, with test money",
        "ok     clock: within ",
        "/webhooks/stripe is enabled and gets what it needs",
        "ok     prices: catalog and Stripe agree",
        "note   address: http://127.0.0.1",
        "ok     database: SQLite",
        "ok     time zone: a day ends at midnight in UTC",
        "ok     webhook: Stripe last delivered ",  # less than a minute ago, where a minute is enough for all this
    ):
        assert line in said


async def test_what_is_to_be_mended_is_named_with_how(place: Place) -> None:
    """No intent, no permission, no endpoint, no address; without the bot, too."""
    world = place.sandbox.world
    world.grant(message_content=False)
    for role in (BOT_ROLE_ID, EVERYONE_ROLE_ID):
        world.roles[role] = replace(world.roles[role], permissions=1 << 10)

    code, said = await examined(place)

    assert code == 1
    assert "TO DO  Discord: the message-content intent is not granted" in said
    assert "the bot lacks" in said
    assert "send_messages" in said
    assert "invite it again: http" in said
    assert "TO DO  webhook: Stripe knows no endpoint" in said
    assert "TO DO  address: no PUBLIC_URL" in said
    assert "note   webhook: Stripe has delivered nothing yet" in said


async def test_refused_and_missing_keys_are_told_apart(place: Place) -> None:
    """A token that was revoked, a Stripe that cannot be reached, nothing set at all."""
    place.sandbox.world.revoke_token(revoked=True)
    refused, first = await examined(place, STRIPE_API_URL="http://127.0.0.1:9")
    nothing, second = await examined(place, DISCORD_TOKEN="", STRIPE_API_KEY="")

    assert (refused, nothing) == (1, 1)
    assert "TO DO  Discord: the token is refused" in first
    assert "TO DO  Stripe: Stripe cannot be reached" in first
    assert "TO DO  Discord: no DISCORD_TOKEN" in second
    assert "note   Stripe: no STRIPE_API_KEY" in second


async def test_settings_and_catalogs_that_cannot_be_used_come_first(place: Place, tmp_path: Path) -> None:
    """Nothing else is looked at, since everything rests on them."""
    bad, said = await examined(place, HTTP_PORT="x")
    broken, told = await examined(place, CATALOG=str(tmp_path / "broken.toml"))

    assert (bad, broken) == (78, 78)
    assert "TO DO  settings: HTTP_PORT" in said
    assert "TO DO  catalog: " in told
    assert "Discord" not in told


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """Return a local Stripe with an endpoint."""
    async with open_shop(hooked=False) as opened:
        yield opened


async def told(shop: Shop, *, ahead_seconds: float = 0) -> str:
    """Return all that is found of Stripe."""
    found = await stripe_findings(
        shop.client,
        api_key=STRIPE_KEY,
        public_url="http://127.0.0.1:7",
        clock=lambda: shop.clock() + ahead_seconds,
    )
    return "\n".join(f"{one.state.name} {one.text}" for one in found)


async def test_a_clock_that_is_wrong_is_found_by_stripes_answer(shop: Shop) -> None:
    """Signatures would be refused for their age."""
    ahead, behind = await told(shop, ahead_seconds=400), await told(shop, ahead_seconds=-90)

    assert "s ahead of Stripe's" in ahead
    assert "s behind Stripe's" in behind


async def test_an_endpoint_that_is_not_sent_everything_is_found(shop: Shop) -> None:
    """A payment by bank debit would never be credited."""
    shop.sandbox.add_endpoint("http://127.0.0.1:7/webhooks/stripe")
    client = shop.client.v1.webhook_endpoints
    made = (await client.list_async({"limit": 1})).data[0]
    await client.delete_async(made.id)
    await client.create_async(
        {
            "url": "http://127.0.0.1:7/webhooks/stripe",
            "enabled_events": ["checkout.session.completed"],
            "api_version": "2025-09-30.clover",
        }
    )

    said = await told(shop)

    assert "checkout.session.async_payment_failed, checkout.session.async_payment_succeeded" in said
    assert "is not sent charge." in said
    assert "speaks version 2025-09-30.clover" in said


def test_the_events_that_are_looked_for_are_those_that_one_is_told_to_choose() -> None:
    """Whoever follows README.md has nothing to mend."""
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")

    assert set(re.findall(r"`((?:checkout|refund|charge)\.[a-z_.]+)`", text)) == NEEDED


async def test_an_address_that_leads_elsewhere_is_found() -> None:
    """A proxy without a route, somebody else's page, nobody at all, and ours."""

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"} if "ours" in request.match_info["who"] else {"hello": 1})

    app = web.Application()
    app.router.add_get("/{who}/healthz", healthz)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.2", 0).start()
    url = f"http://127.0.0.2:{runner.addresses[0][1]}"
    try:
        said = [(await reach_findings(f"{url}/{who}"))[0].text for who in ("ours", "theirs")]
        nobody = (await reach_findings("http://127.0.0.2:9"))[0].text
    finally:
        await runner.cleanup()

    assert said == [
        f"{url}/ours leads here, as seen from this machine",
        f"something else answers at {url}/theirs",
    ]
    assert "does not answer" in nobody
