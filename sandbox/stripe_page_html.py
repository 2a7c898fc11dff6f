"""The payment page as HTML: pure functions from a session's facts to text, everything escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from babel.dates import format_datetime

from sandbox.stripe_money import shown
from sandbox.stripe_page_text import words

MERCHANT = "Jauge"
# Drawn here, so that the page needs no picture and no font for symbols.
CARD = '<rect x="2.5" y="5" width="19" height="14" rx="2.5"/><path d="M2.5 9.5h19M6 15h4"/>'
ICONS = {
    "card": CARD,
    "declined": CARD + '<path class="cross" d="M4 21 20 3"/>',
    "bank": '<path d="M3 9.5 12 4l9 5.5ZM4 20h16M6 10v7M10 10v7M14 10v7M18 10v7"/>',
    "good": '<circle cx="12" cy="12" r="9"/><path d="m8 12.5 2.8 2.8L16 9.5"/>',
    "back": '<path d="M4 12h14a3 3 0 0 1 0 6h-4M8 8l-4 4 4 4"/>',
    "ask": '<circle cx="12" cy="12" r="9"/><path d="M9.6 9.6a2.4 2.4 0 1 1 3.4 2.2c-.7.3-1 .8-1 1.6M12 16.4v.1"/>',
    "bad": '<circle cx="12" cy="12" r="9"/><path d="m9 9 6 6M15 9l-6 6"/>',
}
MARKS = {"good": "✓", "bad": "✕", "wait": "…"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A button of the page: what it sends, how it looks, and its two lines."""

    name: str
    icon: str
    label: str
    hint: str
    main: bool = False


@cache
def _layout() -> Template:
    return Template(Path(__file__).with_name("stripe_page.html").read_text(encoding="utf-8"))


def layout(body: str, *, language: str, title: str, columns: str = "one") -> str:
    """Return a whole page around `body`, which is HTML already."""
    return _layout().substitute(
        language=language,
        title=escape(f"{title} · {MERCHANT}"),
        sandbox=escape(words(language, "sandbox")),
        sandbox_hint=escape(words(language, "sandbox_hint")),
        layout=columns,
        body=body,
        footer=escape(words(language, "footer")),
    )


def checkout(
    session: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    products: Mapping[str, Mapping[str, Any]],
    *,
    language: str,
    alert: str = "",
) -> str:
    """
    Return the page of an open session.

    Args:
        session: the Checkout Session.
        items: its line items.
        products: the products of the items, by id.
        language: `en` or `fr`.
        alert: the key of the words that say what just went wrong, or empty.

    """
    body = _summary(session, items, products, language) + _payment(session, language, alert)
    return layout(body, language=language, title=words(language, "title"), columns="two")


def state(
    kind: str,
    *,
    language: str,
    mark: str,
    amount: str = "",
    choices: Sequence[Choice] = (),
    links: Sequence[tuple[str, str]] = (),
    facts: Sequence[tuple[str, str]] = (),
) -> str:
    """
    Return a page that says one thing.

    Args:
        kind: the key of its title; `<kind>_hint` is its explanation.
        language: `en` or `fr`.
        mark: `good`, `bad` or `wait`.
        amount: for the explanation.
        choices: buttons, each sent back to the same address.
        links: words and addresses.
        facts: names and values.

    """
    title = words(language, kind, merchant=MERCHANT)
    form = f'<form method="post" class="choices">{_buttons(choices)}</form>' if choices else ""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    list_of_facts = f'<dl class="facts">{rows}</dl>' if facts else ""
    anchors = "".join(
        f'<a href="{escape(url)}" data-testid="link">{escape(label)}</a>' for label, url in links if url
    )
    hint = words(language, f"{kind.removesuffix('_from')}_hint", amount=amount)
    body = (
        f'<section class="sheet state" data-testid="state-{escape(kind)}">'
        f'<div class="mark {mark}" aria-hidden="true">{MARKS[mark]}</div><h1>{escape(title)}</h1>'
        f'<p class="hint">{escape(hint)}</p>'
        f'{list_of_facts}{form}<p class="links">{anchors}</p></section>'
    )
    return layout(body, language=language, title=title)


def money(amount_minor: int, currency: str, language: str) -> str:
    """Return an amount in minor units as a reader of `language` writes it."""
    return shown(amount_minor, currency, locale=language)


def when(created_seconds: int, language: str) -> str:
    """Return a time in words, in UTC."""
    moment = datetime.fromtimestamp(created_seconds, tz=UTC)
    return f"{format_datetime(moment, 'long', locale=language)}"


def _merchant(cancel_url: str | None, language: str) -> str:
    name = f'<span class="logo" aria-hidden="true">J</span><span class="name">{MERCHANT}</span>'
    if not cancel_url:
        return f'<p class="merchant">{name}</p>'
    label = escape(words(language, "back", merchant=MERCHANT))
    arrow = '<span class="arrow" aria-hidden="true">←</span>'
    link = f'<a href="{escape(cancel_url)}" data-testid="back" aria-label="{label}" title="{label}">'
    return f'<p class="merchant">{link}{arrow}{name}</a></p>'


def _summary(
    session: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    products: Mapping[str, Mapping[str, Any]],
    language: str,
) -> str:
    currency = session["currency"]
    total = escape(money(session["amount_total"], currency, language))
    only = items[0]["description"] if len(items) == 1 else words(language, "to", merchant=MERCHANT)
    about = products[items[0]["price"]["product"]]["description"] if len(items) == 1 else None
    rows = "".join(
        _item(item, products[item["price"]["product"]], language, alone=len(items) == 1) for item in items
    )
    return (
        f'<section aria-labelledby="what">{_merchant(session["cancel_url"], language)}'
        f'<h1 id="what" class="what">{escape(only)}</h1><p class="amount" data-testid="amount">{total}</p>'
        + (f'<p class="about" data-testid="description">{escape(about)}</p>' if about else "")
        + f'<ul class="items">{rows}</ul>{_sums(session, language)}</section>'
    )


def _item(item: Mapping[str, Any], product: Mapping[str, Any], language: str, *, alone: bool) -> str:
    currency = item["currency"]
    details = []
    if product["description"] and not alone:
        details.append(product["description"])
    if item["quantity"] > 1:
        price = money(item["price"]["unit_amount"], currency, language)
        details.append(words(language, "quantity", quantity=item["quantity"], price=price))
    small = "".join(f"<small>{escape(line)}</small>" for line in details)
    amount = escape(money(item["amount_subtotal"], currency, language))
    return (
        f'<li><span class="title">{escape(item["description"])}{small}</span>'
        f'<span class="price">{amount}</span></li>'
    )


def _sums(session: Mapping[str, Any], language: str) -> str:
    currency, details = session["currency"], session["total_details"]
    rows = []
    if session["automatic_tax"]["enabled"] or details["amount_discount"]:
        rows.append(("subtotal", money(session["amount_subtotal"], currency, language)))
    if details["amount_discount"]:
        rows.append(("discount", money(-details["amount_discount"], currency, language)))
    if session["automatic_tax"]["status"] == "complete":
        rows.append(("tax", money(details["amount_tax"], currency, language)))
    elif session["automatic_tax"]["enabled"]:
        rows.append(("tax", words(language, "tax_later")))
    lines = "".join(
        f"<div><dt>{escape(words(language, key))}</dt><dd>{escape(value)}</dd></div>" for key, value in rows
    )
    total = escape(money(session["amount_total"], currency, language))
    return (
        f'<dl class="sums">{lines}<div class="total"><dt>{escape(words(language, "total"))}</dt>'
        f"<dd>{total}</dd></div></dl>"
    )


def _payment(session: Mapping[str, Any], language: str, alert: str) -> str:
    verb = words(language, f"pay_verb_{session['submit_type'] or 'auto'}")
    amount = money(session["amount_total"], session["currency"], language)
    choices = []
    if "card" in session["payment_method_types"]:
        pay = words(language, "pay", verb=verb, amount=amount)
        hint = words(language, "pay_hint")
        choices.append(Choice(name="pay", icon="card", label=pay, hint=hint, main=True))
        choices.append(choice_of("decline", "declined", language))
    if "sepa_debit" in session["payment_method_types"]:
        choices.append(choice_of("delay", "bank", language))
    return (
        f'<section class="sheet" aria-labelledby="how">{_alert(alert, language)}'
        f'<h2 id="how">{escape(words(language, "how"))}</h2>'
        f'<p class="hint">{escape(words(language, "how_hint"))}</p>'
        f'<form method="post">{_terms(session, language)}<div class="choices">{_buttons(choices)}</div></form>'
        f"{_custom(session, 'submit')}</section>"
    )


def choice_of(name: str, icon: str, language: str, **facts: str) -> Choice:
    """Return a button whose two lines are the words of its name, with `facts` in them."""
    label, hint = words(language, name, **facts), words(language, f"{name}_hint", **facts)
    return Choice(name=name, icon=icon, label=label, hint=hint)


def bank_choices(language: str) -> list[Choice]:
    """Return the two answers that a bank can give."""
    return [choice_of("bank_yes", "good", language), choice_of("bank_no", "bad", language)]


def _buttons(choices: Sequence[Choice]) -> str:
    return "".join(
        f'<button name="choice" value="{one.name}" data-testid="{one.name.replace("_", "-")}"'
        f"{' class=main' if one.main else ''}>{_icon(one.icon)}"
        f"<span><b>{escape(one.label)}</b><small>{escape(one.hint)}</small></span></button>"
        for one in choices
    )


def _icon(name: str) -> str:
    return f'<svg class="icon {name}" viewBox="0 0 24 24" aria-hidden="true">{ICONS[name]}</svg>'


def _alert(alert: str, language: str) -> str:
    if not alert:
        return ""
    hint = escape(words(language, f"{alert}_hint"))
    title = escape(words(language, alert))
    return f'<p class="note bad" role="alert" data-testid="alert"><b>{title}</b>{hint}</p>'


def needs_terms(session: Mapping[str, Any]) -> bool:
    """Return whether the buyer must accept terms before paying."""
    asked = session["consent_collection"]
    return bool(asked) and asked["terms_of_service"] == "required"


def _terms(session: Mapping[str, Any], language: str) -> str:
    if not needs_terms(session):
        return ""
    custom = session["custom_text"]["terms_of_service_acceptance"]
    label = custom["message"] if custom else words(language, "terms")
    box = '<input type="checkbox" name="terms" value="yes" required data-testid="terms">'
    return f'<label class="terms">{box}<span>{escape(label)}</span></label>'


def _custom(session: Mapping[str, Any], name: str) -> str:
    custom = session["custom_text"][name]
    return f'<p class="after">{escape(custom["message"])}</p>' if custom else ""
