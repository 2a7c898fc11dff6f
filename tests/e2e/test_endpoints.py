"""Endpoints over HTTP and the whole program: an event arrives signed, is logged, and comes again when asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
from standardwebhooks import Webhook

from tests.channels.receiver import PATIENCE_SECONDS, receiving
from tests.e2e.program import Sandbox

USER = "123456789012345678"
ROOT = "/api/webhooks/endpoints"


async def test_an_event_arrives_signed_and_comes_again_when_asked_for(tmp_path: Path) -> None:
    """With the secret that was answered once; the repetition has the same id and content."""
    program = Sandbox(tmp_path)
    program.settings["OUTGOING_PRIVATE"] = "true"
    with program:
        headers = {"Authorization": f"Bearer {program.facts['key']}", "X-User-ID": USER}
        async with receiving() as receiver, aiohttp.ClientSession(program.http_url, headers=headers) as http:

            async def ask(method: str, path: str, **options: Any) -> dict[str, Any]:
                async with http.request(method, path, **options) as answer:
                    assert answer.status == 200, await answer.text()
                    found: dict[str, Any] = await answer.json()
                    return found

            async def delivered(endpoint: int) -> list[dict[str, Any]]:
                """Return the log once nothing in it waits to be sent."""
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while True:
                        log = (await ask("GET", f"{ROOT}/{endpoint}/deliveries"))["deliveries"]
                        if log and all(one["state"] == "sent" for one in log):
                            return list(log)

            body = {"url": receiver.url, "events": ["usage.quota.alert"]}
            made = await ask("POST", ROOT, json=body)
            operation = {"metric": "requests", "units": 48, "request_id": "r"}
            await ask("POST", "/api/credits/consume", json=operation)
            first_headers, first = await receiver.next()
            [line] = await delivered(made["id"])
            await ask("POST", f"{ROOT}/{made['id']}/deliveries/{line['id']}/replay")
            again_headers, again = await receiver.next()
            await delivered(made["id"])
            log = await delivered(made["id"])
            other = await ask("POST", ROOT, json={"url": f"{receiver.url}/other"})
            await ask("POST", f"{ROOT}/{other['id']}/test")
            test_headers, test = await receiver.next()
            await delivered(other["id"])

    signer = Webhook(made["secret"])
    assert signer.verify(first, first_headers)["data"]["account"] == f"user:{USER}"
    assert signer.verify(again, again_headers) == signer.verify(first, first_headers)
    assert again_headers["webhook-id"] == first_headers["webhook-id"]
    assert [(one["event"], one["user_id"]) for one in log] == [("usage.quota.alert", f"user:{USER}")]
    assert Webhook(other["secret"]).verify(test, test_headers)["type"] == "endpoint.test"
