"""
A load scenario for the HTTP API: other services that spend, ask beforehand, and show summaries.

    JAUGE_API_KEY=jauge_… locust -f benchmarks/locustfile.py --headless --host http://127.0.0.1:8080 \
        --users 40 --spawn-rate 40 --run-time 60s

Each user stands for a service that makes ten requests a second for accounts drawn among 10 000: of ten, eight
spend, one asks and one shows a summary, so that 40 of them stay within the 6 000 requests a minute that a key has
beside spending. An account that has nothing left is refused with 429: the right answer, and no failure.
"""

from __future__ import annotations

import os
import random
from http import HTTPStatus

from locust import FastHttpUser, constant_throughput, events, task
from locust.env import Environment

ACCOUNTS = 10_000
FIRST_ACCOUNT = 7_000_000
OUT_OF_QUOTA = "urn:jauge:problem:out-of-quota"


@events.init.add_listener  # type: ignore[untyped-decorator]  # so in the library
def require_key(environment: Environment, **_: object) -> None:
    """End at once without a key, since every request would be refused."""
    del environment
    if not os.environ.get("JAUGE_API_KEY"):
        raise SystemExit(
            "set JAUGE_API_KEY: python bot.py keys create load --scopes quota:read quota:consume"
        )


class Service(FastHttpUser):
    """A service that meters its own users."""

    wait_time = constant_throughput(10)

    def on_start(self) -> None:
        """Take the key, and a name for the keys of operations."""
        self.headers = {"Authorization": f"Bearer {os.environ['JAUGE_API_KEY']}"}
        self.prefix = random.randbytes(8).hex()
        self.number = 0

    @task(8)
    def consume(self) -> None:
        """Spend one unit, once for its key."""
        self.number += 1
        body = {"user_id": _account(), "units": 1, "request_id": f"load-{self.prefix}-{self.number}"}
        with self.client.post(
            "/api/credits/consume", json=body, headers=self.headers, catch_response=True, name="consume"
        ) as answer:
            if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS and answer.json()["type"] == OUT_OF_QUOTA:
                answer.success()

    @task(1)
    def check(self) -> None:
        """Ask whether ten units could be spent."""
        body = {"user_id": _account(), "units": 10}
        self.client.post("/api/credits/check", json=body, headers=self.headers, name="check")

    @task(1)
    def summary(self) -> None:
        """Show what an account has used."""
        path = f"/api/billing/summary/user:{_account()}"
        self.client.get(path, headers=self.headers, name="summary")


def _account() -> str:
    return str(FIRST_ACCOUNT + int(ACCOUNTS * random.random() ** 3))  # a few are popular
