"""Who may call the API: a bearer key with the scope, for any account or for its own, within its budget."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from quota_core.access_keys import AccessKey, AccessKeys, Scope
from quota_core.accounts import AccountRef
from webhooks.body import misformed
from webhooks.budgets import Budget, Callers, Spent
from webhooks.plan_limits import PlanLimits
from webhooks.problems import ProblemError, refused
from webhooks.remembered_keys import RememberedKeys

SPENT = web.RequestKey("SPENT", Spent)
REALM = 'Bearer realm="jauge"'
OWN_ACCOUNT = "me"
USER_HEADER = "X-User-ID"
ADMIN_HEADER = "X-Admin-Key"
_BEARER, _PLAIN_BEARER = "bearer ", "Bearer "


class Access:
    """
    Let a request in, or refuse it.

    Args:
        keys: the keys that were made.
        remembered: those that were good a moment ago.
        by_address: counted before a key is looked up, so that guessing is bounded too.
        by_key: counted for each key, wherever it is used from.
        by_service: counted instead of both for a service's key that asks for operations.
        by_plan: counted for each account that operations are asked for.
        callers: tells addresses apart.
        monotonic: seconds, for what is remembered.

    """

    def __init__(
        self,
        keys: AccessKeys,
        remembered: RememberedKeys,
        *,
        by_address: Budget,
        by_key: Budget,
        by_service: Budget,
        by_plan: PlanLimits,
        callers: Callers,
        monotonic: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._remembered = remembered
        self._by_address = by_address
        self._by_key = by_key
        self._by_service = by_service
        self.by_plan = by_plan
        self._callers = callers
        self._monotonic = monotonic

    async def authorize(self, request: web.Request, scope: Scope) -> AccessKey:
        """
        Return the key of the request.

        Raises:
            ProblemError: 401 without a valid key, 403 without the scope, 429 beyond a budget.

        """
        self._by_address.spend(self._callers.of(request))
        key = await self._keys.check(_required(token_of(request)))
        if key is None:
            raise _unknown_key()
        request[SPENT] = self._by_key.spend(key.id)
        return _allowed(key, scope)

    async def authorize_operation(self, request: web.Request, scope: Scope) -> tuple[AccessKey, Spent]:
        """
        Return the key of the request and where it stands; a key that was good a moment ago is not looked up.

        A service calls once for each request of its own users, and from one address: a key that was good
        leaves the address's budget to those that guess, and has its own, larger one.

        Raises:
            ProblemError: as `authorize`.

        """
        token = token_of(request)
        known = self._remembered.recall(token)
        if known is None or known.key.account is not None:
            self._by_address.spend(self._callers.of(request))
        if known is not None and known.good_until_seconds > self._monotonic():
            key = known.key
        else:
            key = await self._looked_up(token)
        spent = (self._by_service if key.account is None else self._by_key).spend(key.id)
        request[SPENT] = spent
        return _allowed(key, scope), spent

    def service_key(self, token: str, scope: Scope) -> AccessKey | None:
        """Return a service's key with this scope if it was good a moment ago; None asks `authorize_operation`."""
        known = self._remembered.recall(token)
        if known is None or known.good_until_seconds <= self._monotonic():
            return None
        key = known.key
        return key if key.account is None and scope in key.scopes else None

    def spend_at_once(self, service_key: AccessKey) -> Spent | None:
        """Count a request of a `service_key`; None, with nothing counted, asks `authorize_operation`."""
        return self._by_service.spend_at_once(service_key.id)

    async def _looked_up(self, token: str) -> AccessKey:
        key = await self._remembered.check(_required(token))
        if key is None:
            raise _unknown_key()
        return key


ACCESS = web.AppKey("ACCESS", Access)


def token_of(request: web.Request) -> str:
    """Return what the headers hold, empty when they hold no bearer key."""
    header = request.headers.get(hdrs.AUTHORIZATION, "")
    if header.startswith(_PLAIN_BEARER):
        return header[len(_PLAIN_BEARER) :].strip()
    if not header:
        return request.headers.get(ADMIN_HEADER, "").strip()
    return header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""


def _required(token: str) -> str:
    if not token:
        raise _unauthorized("An API key is needed: Authorization: Bearer jauge_…", REALM)
    return token


def _allowed(key: AccessKey, scope: Scope) -> AccessKey:
    if not key.allows(scope):
        raise refused(
            HTTPStatus.FORBIDDEN,
            "insufficient-scope",
            f"The key needs the scope {scope}",
            WWW_Authenticate=f'{REALM}, error="insufficient_scope", scope="{scope}"',
        )
    return key


def account_of(key: AccessKey, scope: Scope, spelled: str) -> AccountRef:
    """
    Return the account that `spelled` names for this key; `me` is the one that the key is bound to.

    Raises:
        ProblemError: 400 for what is no account, 404 for another account than the key's own.

    """
    if spelled == OWN_ACCOUNT:
        if key.account is None:
            raise _no_account()
        return key.account
    try:
        account = AccountRef.parse(spelled)
    except ValueError as error:
        raise refused(HTTPStatus.BAD_REQUEST, "invalid-account", "This is no account", str(error)) from error
    if not key.allows(scope, account):
        # Not 403: whether the account of somebody else exists is none of the caller's business.
        raise _no_account()
    return account


def required_account(key: AccessKey, scope: Scope, user_header: str | None) -> AccountRef:
    """
    Return the account of a call that names none: the key's own, else the one in `X-User-ID`.

    The header counts beside a service's key only, which may ask for any account anyway.

    Raises:
        ProblemError: 400 for what is no account, 422 for a service's key that names none.

    """
    if key.account is not None:
        return key.account
    if not user_header:
        raise misformed([{"at": "user_id", "problem": "Field required: this key has no account"}])
    return account_of(key, scope, user_header)


def _no_account() -> ProblemError:
    return refused(HTTPStatus.NOT_FOUND, "unknown-account", "There is no such account for this key")


def _unknown_key() -> ProblemError:
    return _unauthorized("This key does not exist, or ended", f'{REALM}, error="invalid_token"')


def _unauthorized(title: str, challenge: str) -> ProblemError:
    return refused(HTTPStatus.UNAUTHORIZED, "unauthorized", title, WWW_Authenticate=challenge)
