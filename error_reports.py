"""Errors to Sentry, when SENTRY_DSN says where: without secrets, request bodies, variables or who it was."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from quota_core.request_ids import REQUEST_ID
from settings import SettingsError

FLUSH_SECONDS = 2.0
_MISSING = (
    "SENTRY_DSN: needs a package that is not here: pip install sentry-sdk (`make install` brings it), "
    "or leave the setting out"
)


def start(dsn: str, *, clean: Callable[[str], str], release: str) -> Callable[[], None]:
    """
    Send what is logged at ERROR or above from now on; return what sends the rest at the end.

    Args:
        dsn: the project's address at Sentry.
        clean: removes secrets and control characters from a text.
        release: the version of the program.

    Raises:
        SettingsError: the package is missing, or the address is none.

    """
    try:
        import sentry_sdk  # noqa: PLC0415 - an extra: whoever does not use it need not have it
        from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415 - the same
        from sentry_sdk.utils import BadDsn  # noqa: PLC0415 - the same
    except ImportError as error:
        raise SettingsError([_MISSING]) from error

    def cleaned(event: Any, hint: Any) -> Any:
        del hint
        request_id = REQUEST_ID.get()
        if request_id:
            event.setdefault("tags", {})["request_id"] = request_id
        return _deeply(event, clean)

    try:
        sentry_sdk.init(
            dsn=dsn,
            release=release,
            include_local_variables=False,
            include_source_context=False,
            max_request_body_size="never",
            # Of all that the library would look at by itself, only what is logged, and no line before it.
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
            max_breadcrumbs=0,
            server_name="",
            before_send=cleaned,
        )
    except BadDsn as error:
        raise SettingsError(
            ["SENTRY_DSN: is no address of a Sentry project (https://key@host/number)"]
        ) from error

    def finish() -> None:
        sentry_sdk.flush(timeout=FLUSH_SECONDS)

    return finish


def _deeply(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {name: _deeply(one, clean) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_deeply(one, clean) for one in value]
    return value
