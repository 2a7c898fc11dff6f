"""Request ids: taken from the caller or made, answered, and in every line of the log that is for the request."""

import json
import re

from tests.program.place import Place

NAMED = {"X-Request-ID": "caller-7:a.b"}


async def test_a_request_is_named_by_its_caller_or_by_us(place: Place) -> None:
    """The same in the answer and in the log; what could forge a line is replaced."""
    async with place.bot(LOG_FORMAT="json") as bot:
        key = await bot.key("quota:consume")
        body = {"user_id": "7", "request_id": "r"}
        ids = []
        for headers in (NAMED, {}, {"X-Request-ID": "no such id"}, {"X-Request-ID": "x" * 65}):
            async with bot.http.post("/api/credits/consume", json=body, headers={**key, **headers}) as answer:
                ids.append(answer.headers["X-Request-ID"])
        async with bot.http.get("/no/such/path", headers=NAMED) as answer:
            ids.append(answer.headers["X-Request-ID"])
        hook = {"Stripe-Signature": "t=1,v1=00", **NAMED}
        async with bot.http.post("/webhooks/stripe", data=b"{}", headers=hook) as answer:
            assert answer.status == 400
        line = json.loads(await bot.program.log.first("refused a webhook"))

    assert ids[0] == ids[4] == NAMED["X-Request-ID"]
    assert len(set(ids[1:4])) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]+", one) for one in ids[1:4])
    assert line["request_id"] == NAMED["X-Request-ID"]


async def test_a_line_of_a_command_names_its_message(place: Place) -> None:
    """In text, at the end of the line; lines of no request have none."""
    async with place.bot() as bot:
        place.sandbox.faults.add("stripe", "status", path="/v1/checkout/sessions$", method="POST", status=401)
        shop = await place.people.answer_to("!buy_quota")
        button = next(one for row in shop["components"] for one in row["components"] if "custom_id" in one)
        await place.people.press(shop, button["custom_id"])
        line = await bot.program.log.first("no payment page for")
        invited = await bot.program.log.first("invite the bot")

    assert re.search(r" request=interaction:\d+$", line)
    assert "request=" not in invited
