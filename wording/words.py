"""Sentences, numbers, money and times in one language."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.lists import format_list
from babel.numbers import format_currency, format_percent, get_currency_symbol, get_group_symbol

from quota_core.catalog import Catalog, Text
from quota_core.money import exponent_of, major
from wording.card import clipped
from wording.language import LANGUAGES
from wording.safe import Safe, safe_name

MAX_FACT_CHARACTERS = 200
MAX_UNIT_NAME = 60
MAX_SENTENCES = 2_000
FULL, EMPTY = "█", "░"
_BRACE = re.compile("[{}]")

# French sets a blank that does not break before these; not before a prefix of a command such as "!quota".
_FRENCH_BLANK = re.compile(r" (?=[!?;:»%](?:\W|$))|(?<=«) ")


class Words:
    """
    Everything one language says.

    What it returns is `Safe`. A fact that is a plain `str` is foreign text and is made harmless; an `int` is
    written as the language writes numbers; a `Safe` stands as it is.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"no words in {language!r}; there are {', '.join(LANGUAGES)}")
        self.language = language
        self._messages = messages(language)
        self._locale = Locale.parse(language)
        # Babel would parse each number anew; whole ones need only this, as long as they are grouped by thousands.
        assert self._locale.decimal_formats[None].grouping == (3, 3)
        self._thousands_mark = get_group_symbol(self._locale)
        self._ready = _ready(language)
        # The same is said again and again: that 3 of 50 are used, when the day ends. Types tell what is safe.
        self._sentence = lru_cache(MAX_SENTENCES, typed=True)(self._put_together)
        self._plural = lru_cache(MAX_SENTENCES)(self._locale.plural_form)

    def __call__(self, key: str, **facts: str | int) -> Safe:
        """Return the message `key` with its facts; KeyError when there is no such message or a fact is missing."""
        ready = self._ready.get(key)
        return self._sentence(key, **facts) if ready is None else ready

    def _put_together(self, key: str, **facts: str | int) -> Safe:
        return Safe(self._messages[key].format_map({name: self._fact(fact) for name, fact in facts.items()}))

    def has(self, key: str) -> bool:
        """Tell whether there is a message under this key."""
        return key in self._messages

    def _fact(self, fact: str | int) -> str:
        if type(fact) is Safe:
            return fact
        return safe_name(fact, length=MAX_FACT_CHARACTERS) if isinstance(fact, str) else self.number(fact)

    def code(self, text: str) -> Safe:
        """Return our own text (never foreign one, which could end it) in letters of equal width."""
        return Safe(f"`{text}`")

    def joined(self, parts: Sequence[str]) -> Safe:
        """Return parts, each safe on its own, as the language lists them: `a, b and c`."""
        return Safe(format_list([safe_name(part) for part in parts], locale=self._locale))

    def text(self, text: Text) -> Safe:
        """Return a text of the catalog, which its operator wrote."""
        return Safe(text.in_language(self.language))

    def number(self, number: int) -> Safe:
        """Return 1,000 or 1 000."""
        return Safe(f"{number:,}".replace(",", self._thousands_mark))

    def units(self, units: int, catalog: Catalog, metric: str) -> Safe:
        """Return an amount with what is counted: `1,000 requests`, `1 request`."""
        return Safe(f"{self.number(units)} {self.unit_name(units, catalog, metric)}")

    def unit_name(self, units: int, catalog: Catalog, metric: str) -> Safe:
        """Return what is counted, as it stands behind `units`; the id for a metric that left the catalog."""
        known = catalog.metrics.get(metric)
        if known is None:
            return safe_name(metric)
        one = self._plural(units) == "one" and known.singular is not None
        text = self.text(known.singular if one and known.singular is not None else known.label)
        return Safe(clipped(text, MAX_UNIT_NAME))

    def estimate(self, units: int, catalog: Catalog, metric: str) -> Safe:
        """Return what units mean to a person: `≈ 200 minutes`; empty where the catalog says nothing of it."""
        known = catalog.metrics.get(metric)
        if known is None or known.estimate is None:
            return Safe("")
        amount = self.number(units * known.estimate.per_unit)
        return Safe(f"≈ {amount} {clipped(self.text(known.estimate.label), MAX_UNIT_NAME)}")

    def money(self, minor: int, currency: str) -> Safe:
        """Return an amount of minor units: 1499 EUR is `€14.99` or `14,99 €`."""
        return self._currency(major(minor, currency), currency, exponent_of(currency))

    def unit_money(self, amount: Decimal, currency: str) -> Safe:
        """Return the price of one unit, two decimals finer than the currency: `€0.0150`."""
        return self._currency(amount, currency, exponent_of(currency) + 2)

    def _currency(self, amount: Decimal, currency: str, decimals: int) -> Safe:
        # Stripe's decimals decide, not CLDR's: they differ for some currencies, and a price must be exact.
        pattern = str(self._locale.currency_formats["standard"].pattern)
        pattern = pattern.replace(".00", "." + "0" * decimals if decimals else "")
        if pattern.startswith("¤") and get_currency_symbol(currency, self._locale)[-1:].isalpha():
            pattern = pattern.replace("¤", "¤\u00a0")
        return Safe(format_currency(amount, currency, pattern, self._locale, currency_digits=False))

    def percent(self, share: float | Decimal) -> Safe:
        """Return a share, 0..1, with at most one decimal: `95%`, `66.7%`."""
        pattern = str(self._locale.percent_formats[None].pattern).replace("##0", "##0.#")
        return Safe(format_percent(Decimal(str(share)), pattern, self._locale))

    def relative(self, at_ms: int) -> Safe:
        """Return a moment as Discord counts it down in the reader's language: `in 3 hours`."""
        return Safe(f"<t:{at_ms // 1000}:R>")

    def clock(self, at_ms: int) -> Safe:
        """Return a moment as the reader's clock shows it."""
        return Safe(f"<t:{at_ms // 1000}:t>")

    def moment(self, at_ms: int) -> Safe:
        """Return a moment as date and time of the reader."""
        return Safe(f"<t:{at_ms // 1000}:f>")

    def bar(self, used: int, limit: int | None, width: int = 10) -> Safe:
        """
        Return a bar of what is used; an unlimited one never fills.

        Empty only when nothing is used, full only when nothing is left: it never contradicts the numbers.
        """
        if limit is None:
            full = 0
        elif used >= limit:
            full = width
        else:
            full = min(width - 1, -(-max(0, used) * width // limit))
        return Safe(FULL * full + EMPTY * (width - full))


@cache
def messages(language: str) -> Mapping[str, str]:
    """Return every message of a language by its dotted key."""
    source = Path(__file__).with_name("messages") / f"{language}.toml"
    found = dict(_flat(tomllib.loads(source.read_text(encoding="utf-8")), ""))
    if language == "fr":
        return {key: _FRENCH_BLANK.sub("\u00a0", text) for key, text in found.items()}
    return found


@cache
def _ready(language: str) -> Mapping[str, Safe]:
    """Return the messages that need no facts."""
    return {key: Safe(text) for key, text in messages(language).items() if not _BRACE.search(text)}


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return found
