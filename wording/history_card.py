"""What changed an account's balance, one page at a time."""

from __future__ import annotations

from quota_core.catalog import Catalog
from quota_core.history import HistoryLine, HistoryPage
from wording.card import Card, Field
from wording.names import account_name, package_name, plan_name
from wording.safe import Safe, safe_name
from wording.words import Words

UNPAID = ("pending", "failed")
KINDS = (
    *("purchase", "grant", "remove", "expire", "plan", "hold", "correct", "shared", "received"),
    *("take_back", "restore", "freeze", "unfreeze"),
    *("block", "unblock", "parent"),
)


def history_card(page: HistoryPage, catalog: Catalog, words: Words, *, whose: str | None = None) -> Card:
    """
    Return a page of changes with amount, price, status, balance after and time; an empty one says what to do.

    `whose` is the name of somebody else at whose history an operator looks: then each order has its id.
    """
    title = words("history.title") if whose is None else words("history.title_of", who=safe_name(whose))
    if not page.lines:
        return Card(title, words("history.empty") if whose is None else words("history.empty_of"))
    return Card(
        title,
        fields=tuple(_line(line, catalog, words, with_order=whose is not None) for line in page.lines),
        footer=words("history.page", number=page.number + 1, pages=page.pages),
    )


def statement_card(entries: int, earlier: int, words: Words) -> Card:
    """Say what the attached statement holds: `entries` one by one, `earlier` ones as sums."""
    lines = [words("history.statement_line", entries=entries + earlier)]
    if earlier:
        lines.append(words("history.statement_earlier", entries=entries, earlier=earlier))
    lines.append(words("history.statement_how"))
    return Card(words("history.statement"), "\n".join(lines))


def _line(line: HistoryLine, catalog: Catalog, words: Words, *, with_order: bool) -> Field:
    kind = line.kind if line.kind in KINDS else "other"
    if kind == "purchase" and line.status in UNPAID:
        kind = f"purchase_{line.status}"
    title = words(
        f"history.{kind}",
        units=words.units(line.units, catalog, line.metric),
        package=package_name(line.package or "?", catalog, words),
        plan=plan_name(line.plan or "?", catalog, words),
    )
    details = []
    if line.price_minor is not None and line.currency is not None:
        details.append(f"**{words.money(line.price_minor, line.currency)}**")
    if line.kind == "purchase":
        details.append(words(f"history.{line.status}" if line.status in UNPAID else "history.paid"))
    if line.other is not None:
        details.append(words(f"history.{line.kind}_line", who=account_name(line.other)))
    details.append(words.moment(line.at_ms))
    lines = [" · ".join(details)]
    if line.after is not None:
        lines.append(words("history.after", units=words.units(line.after, catalog, line.metric)))
    if with_order and line.order is not None:
        lines.append(words("history.order", order=Safe(line.order)))
    return Field(title, "\n".join(lines))
