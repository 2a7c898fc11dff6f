"""Webhook endpoints: where events are delivered."""

from typing import Any

import stripe
from stripe.params import WebhookEndpointCreateParams, WebhookEndpointListParams
from yarl import URL

from sandbox.stripe_api import Call, Endpoint
from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_forms import check_url
from sandbox.stripe_lists import page
from sandbox.stripe_objects import new_id, shaped
from sandbox.stripe_params import members_of
from sandbox.stripe_state import StripeObject, StripeState

KIND = "webhook_endpoint"
PATH = "/v1/webhook_endpoints"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class WebhookEndpoints:
    """
    The account's webhook endpoints, all with one secret.

    Args:
        state: where they are kept.
        secret: what signs deliveries to each of them.

    """

    def __init__(self, state: StripeState, *, secret: str) -> None:
        self._state = state
        self._secret = secret

    def add(self, url: str, *, live: bool = False, **values: Any) -> StripeObject:
        """
        Add an endpoint that wants every event, unless `enabled_events` is given.

        Raises:
            StripeRefusal: the address is not on this machine: nothing leaves the sandbox.

        """
        if URL(url).host not in LOOPBACK:
            raise StripeRefusal(
                "Invalid URL: the sandbox delivers to this machine only (http://127.0.0.1:…).", param="url"
            )
        made = shaped(
            KIND,
            **(
                {"id": new_id("we"), "url": url, "enabled_events": ["*"], "api_version": stripe.api_version}
                | values
            ),
        )
        return self._state.add(made, live=live)

    def of_mode(self, live: bool) -> list[StripeObject]:  # noqa: FBT001 - handed over as a plain callable
        """Return the endpoints of live mode or of test mode, newest first."""
        return self._state.newest_first(KIND, live=live)

    def endpoints(self) -> list[Endpoint]:
        """Return the methods that make, read and delete endpoints."""
        return [
            Endpoint(
                method="POST", path=PATH, handle=self._create, params=members_of(WebhookEndpointCreateParams)
            ),
            Endpoint(
                method="GET", path=PATH, handle=self._list, params=members_of(WebhookEndpointListParams)
            ),
            Endpoint(method="GET", path=f"{PATH}/{{id}}", handle=self._retrieve),
            Endpoint(method="DELETE", path=f"{PATH}/{{id}}", handle=self._delete),
        ]

    def _create(self, call: Call) -> dict[str, Any]:
        check_url(call.params, "url")
        if call.params.get("connect"):
            raise StripeRefusal("The sandbox has no connected accounts.", param="connect")
        values = {name: value for name, value in call.params.items() if name not in ("url", "connect")}
        made = self.add(call.params["url"], live=call.live, **values)
        # Shown once, as real ones are: https://docs.stripe.com/api/webhook_endpoints/object
        return made | {"secret": self._secret}

    def _list(self, call: Call) -> dict[str, Any]:
        return page(self.of_mode(call.live), call.params, url=PATH)

    def _retrieve(self, call: Call) -> dict[str, Any]:
        return self._state.get(KIND, call.ids["id"], live=call.live)

    def _delete(self, call: Call) -> dict[str, Any]:
        self._state.get(KIND, call.ids["id"], live=call.live)
        self._state.remove(call.ids["id"])
        return {"id": call.ids["id"], "object": KIND, "deleted": True}
