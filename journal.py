"""The log: a line for each event, as text or JSON, on standard error; without secrets and control characters."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from quota_core.request_ids import REQUEST_ID

# Of ours and Stripe's, whoever they belong to; and the password in an address.
_SECRET_SHAPES = re.compile(
    r"\b(?:sk|rk)_(?:test|live)_\w{6,}|\bwhsec_[\w+/=]{6,}|\bjauge_[0-9a-f]{12}_\w+|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
)
_LIBRARIES = ("discord", "aiohttp", "stripe", "aiosqlite", "asyncio")
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Clean(logging.Formatter):
    """Remove secrets from the finished line, tracebacks included, and show control characters as escapes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        # Longest first, so that one secret inside another leaves no rest.
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """Return the text without secrets and without characters that could forge a line."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        text = _SECRET_SHAPES.sub("[secret]", text)
        return "".join(
            char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
            for char in text
        )

    def message_of(self, record: logging.LogRecord) -> str:
        """Return the message on one line."""
        return self.clean(record.getMessage()).replace("\n", "\\n")

    def trace_of(self, record: logging.LogRecord) -> str:
        """Return the traceback, empty when there is none."""
        return self.clean(self.formatException(record.exc_info)) if record.exc_info else ""


class TextFormatter(Clean):
    """`2026-11-20T12:00:00.000Z INFO quota_core.database: … request=4f1c…`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = f"{_time(record)} {record.levelname} {record.name}: {self.message_of(record)}"
        request_id = REQUEST_ID.get()
        if request_id:
            line = f"{line} request={request_id}"
        trace = self.trace_of(record)
        return f"{line}\n{trace}" if trace else line


class JsonFormatter(Clean):
    """One JSON object a line, with what was passed as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        facts: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": self.message_of(record),
        }
        request_id = REQUEST_ID.get()
        if request_id:
            facts["request_id"] = request_id
        facts |= {key: self.clean(str(value)) for key, value in vars(record).items() if key not in _PLAIN}
        trace = self.trace_of(record)
        if trace:
            facts["trace"] = trace
        return json.dumps(facts, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def start(level: str, form: str, *, secrets: Iterable[str]) -> None:
    """Send every log record to standard error; libraries say what concerns an operator, at INFO and above."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(secrets) if form == "json" else TextFormatter(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _LIBRARIES:
        # At DEBUG they log addresses with tokens in them.
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    # One line a call is its idea of INFO; ours says what came of the call.
    logging.getLogger("stripe").setLevel(logging.WARNING)
