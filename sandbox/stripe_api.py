"""The API's front: keys, versions, request ids, idempotency and errors, around handlers that know none of these."""

import asyncio
import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.stripe_errors import StripeRefusal
from sandbox.stripe_forms import checked, decode
from sandbox.stripe_idempotency import Answer, IdempotencyKeys
from sandbox.stripe_lists import expanded
from sandbox.stripe_objects import new_id
from sandbox.stripe_params import Field
from sandbox.stripe_state import StripeState

log = logging.getLogger(__name__)

KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{4,}")
VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?")
# The account's own version, which a request without the header gets: the CLI's triggers are written for it.
ACCOUNT_VERSION = "2025-09-30.clover"
EXPAND = {"expand": Field(item=Field(text=True))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that was let in: `params` are checked, `ids` come from the path."""

    live: bool
    version: str
    request_id: str
    idempotency_key: str | None
    params: Mapping[str, Any]
    ids: Mapping[str, str]

    def since(self, date: str) -> bool:
        """Return whether the request's version is of `date` (YYYY-MM-DD) or later."""
        return self.version[:10] >= date


Handle = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """
    One method of the API.

    Attributes:
        path: aiohttp's pattern; its variables become `Call.ids`.
        params: what it takes at the pinned version.
        before: per date (YYYY-MM-DD), parameters that versions before it took instead.

    """

    method: str
    path: str
    handle: Handle
    params: Mapping[str, Field] = field(default_factory=dict)
    before: Mapping[str, Mapping[str, Field]] = field(default_factory=dict)

    def params_at(self, version: str) -> Mapping[str, Field]:
        """Return what the method takes at `version`."""
        params = {**EXPAND, **self.params}
        for date, older in self.before.items():
            if version[:10] < date:
                params |= older
        return params


class StripeApi:
    """
    Serves endpoints as Stripe does.

    Args:
        state: the objects, for `expand`.
        keys: the answers kept under idempotency keys.
        before_call: called before each request is handled.
        latency_seconds: how long each request takes, so that two with one key can meet.

    """

    def __init__(
        self,
        state: StripeState,
        keys: IdempotencyKeys,
        *,
        before_call: Callable[[], None],
        latency_seconds: float = 0,
    ) -> None:
        self._state = state
        self._keys = keys
        self._before_call = before_call
        self._latency_seconds = latency_seconds
        self._failures = 0

    def fail_next(self, times: int) -> None:
        """Answer the next `times` POSTs with a 500 that their idempotency keys keep; nothing is done."""
        self._failures = times

    def routes(self, endpoints: Sequence[Endpoint]) -> list[web.RouteDef]:
        """Return the routes of `endpoints`, and one that refuses any other path."""
        known = [web.route(one.method, one.path, self._route(one)) for one in endpoints]
        return [*known, web.route("*", "/v1/{rest:.*}", self._unrecognised)]

    def _route(self, endpoint: Endpoint) -> Callable[[web.Request], Any]:
        async def serve(request: web.Request) -> web.Response:
            return await self._serve(endpoint, request)

        return serve

    async def _unrecognised(self, request: web.Request) -> web.Response:
        refusal = StripeRefusal(
            f"Unrecognized request URL ({request.method}: {request.path}). Please see https://stripe.com/docs or "
            "we can help at https://support.stripe.com/.",
            status=HTTPStatus.NOT_FOUND,
        )
        return _response(
            Answer(status=refusal.status, body=_text(refusal.body())),
            {"Request-Id": new_id("req", length=14)},
        )

    async def _serve(self, endpoint: Endpoint, request: web.Request) -> web.Response:
        headers = {"Request-Id": new_id("req", length=14)}
        try:
            answer = await self._answer(endpoint, request, headers)
        except StripeRefusal as refusal:
            answer = Answer(status=refusal.status, body=_text(refusal.body()))
        return _response(answer, headers)

    async def _answer(self, endpoint: Endpoint, request: web.Request, headers: dict[str, str]) -> Answer:
        live = _mode_of_key(request)
        version = _version(request)
        headers["Stripe-Version"] = version
        tree = await _tree(request)
        key = request.headers.get("Idempotency-Key")
        if request.method == "POST" and key is not None:
            headers["Idempotency-Key"] = key
            kept = self._keys.begin(key, live=live, path=request.path, params=tree)
            if kept is not None:
                headers["Idempotent-Replayed"] = "true"
                headers["Original-Request"] = kept.request_id
                return kept
        call = Call(
            live=live,
            version=version,
            request_id=headers["Request-Id"],
            idempotency_key=key,
            params=tree,
            ids=request.match_info,
        )
        return await self._run(endpoint, call, keyed=request.method == "POST" and key is not None)

    async def _run(self, endpoint: Endpoint, call: Call, *, keyed: bool) -> Answer:
        answer = None
        try:
            if self._latency_seconds:
                await asyncio.sleep(self._latency_seconds)
            self._before_call()
            answer = self._handled(endpoint, call)
        finally:
            if keyed and call.idempotency_key is not None:
                kept = answer if answer is not None and answer.stored else None
                self._keys.end(call.idempotency_key, live=call.live, answer=kept)
        return answer

    def _handled(self, endpoint: Endpoint, call: Call) -> Answer:
        status, stored = int(HTTPStatus.OK), True
        try:
            # `payment_method` and its like are checked before a failure, as real ones are.
            params = checked(call.params, endpoint.params_at(call.version))
            if self._failures and endpoint.method == "POST":
                self._failures -= 1
                raise StripeRefusal("An unknown error occurred", status=500, kind="api_error")  # noqa: TRY301 - one exit
            expand = params.pop("expand", [])
            body = endpoint.handle(replace(call, params=params))
            body = expanded(body, expand, self._state)
        except StripeRefusal as refusal:
            status, stored, body = refusal.status, refusal.stored, refusal.body()
        except Exception:
            log.exception("the sandbox's Stripe failed at %s %s", endpoint.method, endpoint.path)
            status, body = 500, StripeRefusal("The sandbox failed; see its log.", kind="api_error").body()
        return Answer(status=status, body=_text(body), request_id=call.request_id, stored=stored)


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, indent=2)


def _response(answer: Answer, headers: Mapping[str, str]) -> web.Response:
    return web.Response(
        status=answer.status, text=answer.body, content_type="application/json", headers=dict(headers)
    )


def _mode_of_key(request: web.Request) -> bool:
    """Return whether the request's key is a live one, or refuse the request."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
    if scheme.lower() not in ("basic", "bearer") or not key:
        raise StripeRefusal(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
            "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
            status=HTTPStatus.UNAUTHORIZED,
        )
    if KEY.fullmatch(key) is None:
        hidden = f"{key[:8]}{'*' * 8}{key[-4:]}"
        raise StripeRefusal(f"Invalid API Key provided: {hidden}", status=HTTPStatus.UNAUTHORIZED)
    return key[3:7] == "live"


def _version(request: web.Request) -> str:
    version = request.headers.get("Stripe-Version", ACCOUNT_VERSION)
    if VERSION.fullmatch(version) is None:
        raise StripeRefusal(f"Invalid Stripe API version: {version}")
    return version


async def _tree(request: web.Request) -> dict[str, Any]:
    """Return the parameters, from the address for GET and DELETE and from a form body for POST."""
    text = request.query_string
    if request.method == "POST":
        raw = await request.read()
        if raw and request.content_type != "application/x-www-form-urlencoded":
            raise StripeRefusal(
                "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you "
                "have any questions, we can help at https://support.stripe.com/."
            )
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise StripeRefusal("Invalid request: the body is not UTF-8.") from error
    return decode(parse_qsl(text, keep_blank_values=True))
