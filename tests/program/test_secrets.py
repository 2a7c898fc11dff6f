import json
import re

from sandbox.places import MEMBER_ID
from tests.program.place import SECRETS, Place

LOGGING = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json"}
MADE_UP = re.compile(r"whsec_\w+|sk_test_\w+|jauge_[0-9a-f]{12}_\w+|cs_test_\w{20,}#|/c/pay/")


async def test_no_secret_is_ever_written(place: Place) -> None:
    """Through a purchase and every kind of failure, at the most talkative setting, tracebacks included."""
    faults = place.sandbox.faults
    async with place.bot(**LOGGING) as bot:
        key = await bot.key("checkout:create", "quota:read")
        secret = key["Authorization"].removeprefix("Bearer ")
        checkout = await place.buy()
        faults.add("discord", "status", path=r"/channels/\d+/messages$", method="POST", status=500)
        await place.pay(checkout)
        await place.direct_message()
        for fault, options in (
            ("status", {"status": 401}),
            ("status", {"status": 500}),
            ("cut", {}),
        ):
            # As often as the library tries again, so that the failure reaches the buyer.
            for _ in range(3):
                faults.add("stripe", fault, path="/v1/checkout/sessions$", method="POST", **options)
            shop = await place.people.answer_to("!buy_quota")
            await place.people.press(shop, f"v1:buy:quota_500:{MEMBER_ID}")
            await place.people.next_message(shop["id"])
            faults.clear()
        headers = {"Stripe-Signature": "t=1,v1=00"}
        async with bot.http.post("/webhooks/stripe", data=b"{}", headers=headers) as answer:
            assert answer.status == 400
        await bot.status(f"/api/quota/{MEMBER_ID}", headers={"Authorization": f"Bearer {secret}x"})
        await place.people.post("world", token_revoked=True)
        await bot.program.log.first("refuses the token")
        await bot.program.stop()

    written = f"{bot.program.out}\n{bot.program.log}"
    tokens = [one.token for one in place.sandbox.world.interactions.values()]
    assert len(tokens) >= 4
    assert len(bot.program.log.all) >= 10
    for hidden in (*SECRETS, secret, *tokens):
        assert hidden not in written
    assert MADE_UP.findall(written) == []
    for line in bot.program.log.all:
        assert {"time", "level", "logger", "message"} <= set(json.loads(line))


async def test_a_revoked_stripe_key_is_told_to_the_operator_without_showing_it(place: Place) -> None:
    """401 from Stripe: the buyer reads that nothing was charged, the log says why, neither shows the key."""
    place.sandbox.faults.add("stripe", "status", 3, status=401, path="/v1/checkout/sessions$", method="POST")
    async with place.bot(**LOGGING) as bot:
        shop = await place.people.answer_to("!buy_quota")
        await place.people.press(shop, f"v1:buy:quota_500:{MEMBER_ID}")
        answer = await place.people.next_message(shop["id"])

    assert answer["ephemeral"]
    assert any("stripe" in line.lower() for line in bot.program.log.all)
    for hidden in SECRETS:
        assert hidden not in json.dumps(answer) + str(bot.program.log)
