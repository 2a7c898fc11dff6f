import pytest

from sandbox.places import MEMBER_ID, OPERATOR_ID
from tests.program.place import Place, labels, text_of

LONG = 10_000


def cut_off_discord(place: Place) -> None:
    """Have Discord's API answer 503 to everything, and its gateway close what is open and whatever comes."""
    place.sandbox.faults.add("discord", "status", LONG, status=503)
    place.sandbox.faults.add("gateway", "close", LONG, code=4000)


async def test_a_bot_that_cannot_reach_discord_serves_and_credits_all_the_same(place: Place) -> None:
    """It starts without Discord, takes Stripe's delivery, and the message arrives once Discord is back."""
    cut_off_discord(place)
    async with place.shut_out_bot() as bot:
        key = await bot.key("checkout:create", "quota:read")
        health, readiness = await bot.status("/healthz"), await bot.status("/readyz")
        checkout = await bot.checkout(key)
        await place.pay(checkout)
        balance = await bot.json(f"/api/quota/{MEMBER_ID}", headers=key)
        silent = await place.people.seen(channel="dm")
        place.sandbox.faults.clear()
        message = await place.direct_message()
        answer = await place.people.answer_to("!quota")
        after = await bot.status("/readyz")

    assert (health, readiness, after) == (200, 503, 200)
    assert balance["purchased_quota"] == 1000
    assert silent == []
    assert "+1,000" in text_of(message)
    assert "1,050 requests" in text_of(answer)


async def test_a_connection_that_is_lost_while_running_holds_up_no_payment(place: Place) -> None:
    """The payment comes while both the gateway and the API are down; one message comes when they are back."""
    async with place.bot() as bot:
        checkout = await place.buy()
        cut_off_discord(place)
        await place.pay(checkout)
        await bot.program.log.first(r"notice \d+: ")
        unready = await bot.status("/readyz")
        place.sandbox.faults.clear()
        message = await place.direct_message()
        answer = await place.people.answer_to("!quota")

    assert unready == 503
    assert "+1,000" in text_of(message)
    assert "Plan" in text_of(answer)
    assert len(await place.people.seen(channel="dm")) == 1


async def test_a_revoked_token_stops_discord_and_nothing_else(place: Place) -> None:
    """Readiness turns red, the API and the webhooks go on, and Discord is not asked again and again."""
    async with place.bot() as bot:
        key = await bot.key("checkout:create", "quota:read")
        await place.people.post("world", token_revoked=True)
        await bot.program.log.first("refuses the token")
        asked = len(place.spied.requests)
        checkout = await bot.checkout(key)
        await place.pay(checkout)
        health, readiness = await bot.status("/healthz"), await bot.json("/readyz")
        balance = await bot.json(f"/api/quota/{MEMBER_ID}", headers=key)
        to_discord = [path for _, path in place.spied.requests[asked:] if path.startswith("/api/v10")]
        logins = place.spied.count("GET", "/users/@me")
        code = await bot.program.stop()
    await place.people.post("world", token_revoked=False)
    async with place.bot():
        message = await place.direct_message()

    assert health == 200
    assert {one["name"]: one["status"] for one in readiness["checks"]} == {
        "database": "ok",
        "discord": "failed",
        "stripe": "ok",
    }
    assert balance["purchased_quota"] == 1000
    assert to_discord == []
    assert logins <= 2
    assert code == 0
    assert "+1,000" in text_of(message)


async def test_a_token_that_is_refused_at_the_start_leaves_the_rest_up(place: Place) -> None:
    """Somebody pasted an old token: the bot is up, red, and says so once."""
    await place.people.post("world", token_revoked=True)
    async with place.shut_out_bot() as bot:
        await bot.program.log.first("refuses the token")
        health, readiness = await bot.status("/healthz"), await bot.status("/readyz")
        code = await bot.program.stop()

    assert (health, readiness, code) == (200, 503, 0)
    assert str(bot.program.log).count("refuses the token") == 1
    assert place.spied.count("GET", "/users/@me") == 1


@pytest.mark.parametrize("refused", [True, False])
async def test_without_the_message_content_intent_slash_and_mention_work(
    place: Place, *, refused: bool
) -> None:
    """Whether Discord refuses it or it is switched off: prefix commands go, the rest stays, the log says so."""
    await place.people.post("world", message_content=False)
    async with place.bot(MESSAGE_CONTENT_INTENT=str(refused).lower()) as bot:
        slash = await place.people.slash("quota")
        bot_id = (await place.people.get("world"))["bot"]["id"]
        # Sent first, answered never: the next answer in the channel is the mention's.
        await place.people.say("!quota")
        mention = await place.people.answer_to(f"<@{bot_id}> quota")
        private = await place.people.answer_to("!quota", channel="dm")
        readiness = await bot.status("/readyz")

    assert readiness == 200
    assert "Plan" in text_of(slash)
    assert slash["ephemeral"]
    assert "Plan" in text_of(mention)
    assert "Plan" in text_of(private)
    assert ("grants no message-content intent" in str(bot.program.log)) == refused


async def test_without_stripe_keys_it_runs_and_says_what_cannot_be_bought(place: Place) -> None:
    """The shop shows no button to press in vain; the API says the same; all else works."""
    async with place.bot(STRIPE_API_KEY="", STRIPE_WEBHOOK_SECRETS="") as bot:
        key = await bot.key("checkout:create")
        shop = await place.people.answer_to("!buy_quota")
        quota = await place.people.answer_to("!quota")
        asked = {"user_id": str(MEMBER_ID), "package_id": "quota_1000"}
        async with bot.http.post("/api/quota/checkout", json=asked, headers=key) as answer:
            status, problem = answer.status, await answer.json()

    assert not [label for label in labels(shop) if "€" in label]
    assert text_of(shop)
    assert "Plan" in text_of(quota)
    assert status == 503
    assert problem["status"] == 503
    assert "nothing can be bought" in str(bot.program.log)


async def test_an_operator_command_is_answered_while_stripe_is_down(place: Place) -> None:
    """One provider's trouble stays its own."""
    place.sandbox.faults.add("stripe", "status", LONG, status=500, path="/checkout/")
    async with place.bot():
        done = await place.people.answer_to(f"!admin_quota add <@{MEMBER_ID}> 5", as_=OPERATOR_ID)
    place.sandbox.faults.clear()

    assert "+5" in text_of(done)
