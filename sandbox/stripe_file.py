"""The file that keeps the sandbox's Stripe from one start to the next: its objects as JSON, written whole."""

import json
import logging
from pathlib import Path
from typing import Any

from sandbox.stripe_endpoints import KIND as ENDPOINT
from sandbox.stripe_state import StripeState

log = logging.getLogger(__name__)

FORMAT = 1


class StripeFile:
    """
    Keeps a state in a file; a file that cannot be read is set aside, and the account begins empty.

    Args:
        path: the file; its folder is made.
        state: filled from the file at once; nothing may have been added to it yet.

    """

    def __init__(self, path: Path, state: StripeState) -> None:
        self._path = path
        self._state = state
        self._load()
        self._saved = state.changes

    def save(self) -> None:
        """Write the state if it changed; a crash leaves the file of before or the new one."""
        if self._state.changes == self._saved:
            return
        # Endpoints are added anew at each start, as the bot's port may be another one.
        contents = {"format": FORMAT, **self._state.contents(without=ENDPOINT)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(contents), encoding="utf-8")
        part.replace(self._path)
        self._saved = self._state.changes

    def _load(self) -> None:
        try:
            contents = _parsed(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError) as error:
            aside = self._path.with_suffix(".unread")
            self._path.replace(aside)
            log.warning("the sandbox's Stripe begins empty: its file is set aside as %s (%s)", aside, error)
            return
        self._state.fill(contents)


def _parsed(text: str) -> dict[str, Any]:
    contents: dict[str, Any] = json.loads(text)
    if contents["format"] != FORMAT:
        raise ValueError(f"its format is {contents['format']}")
    return contents
