"""No card passes a limit of Discord, whatever is in the catalog, in the ledger and in people's names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from quota_core.catalog import MAX_UNITS, Catalog
from quota_core.errors import OutOfQuotaError, Refill, UnknownPlanError
from quota_core.grants import Change
from quota_core.history import HistoryPage
from quota_core.plan_changes import PlanChange
from quota_core.stats import Revenue, Stats
from tests.wording.facts import NOW_MS, balance, crossing, history_line, metric, notice, opened, spend, window
from wording.admin_card import change_card, plan_card, stats_card
from wording.alert_card import low_quota_card
from wording.card import Card, Field, length_of
from wording.help_card import help_card
from wording.history_card import history_card
from wording.notice_card import notice_card
from wording.quota_card import mention_card, quota_card
from wording.refusals import argument_card, refusal_card
from wording.shop_card import MAX_BUTTON_LABEL, package_label, pay_card, shop_card
from wording.words import Words

AMOUNTS = st.integers(0, MAX_UNITS)
LABELS = st.text(min_size=1, max_size=200) | st.sampled_from(["\U0001d518" * 200, "w" * 200, "`", "x" * 10])
FOREIGN = st.text(max_size=5000) | st.sampled_from(["", "\U0001d518" * 5000, "*" * 5000])
WORDS = st.sampled_from(["en", "fr"]).map(Words)
PRICES = st.integers(5, 9_999_999).map(lambda tens: tens * 10)
BEYOND: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.just(
    {"overage": "charge", "overage_rate_minor": Decimal("999999.99"), "overage_cap": MAX_UNITS}
)
CURRENCIES = st.sampled_from(["EUR", "JPY", "TND", "XOF", "CHF"])


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Draw a catalog with long labels, many metrics, many windows and many packages."""
    texts = [{"en": label, "fr": label} for label in draw(st.lists(LABELS, min_size=4, max_size=4))]
    metrics = [f"m{number}" for number in range(draw(st.integers(1, 30)))]
    limits = st.just("unlimited") | AMOUNTS
    allowances = [
        {
            "metric": draw(st.sampled_from(metrics[:2])),
            "limit": draw(limits),
            "period": period,
            **draw(BEYOND),
        }
        for period in ("hour", "day", "week", "month", "year")
    ]
    packages = {
        f"p{number}": {
            "label": texts[0],
            "description": texts[1],
            "metric": draw(st.sampled_from(metrics)),
            "units": draw(st.integers(1, 10**9)),
            "price_minor": draw(PRICES),
            "expires": draw(st.sampled_from(["never", "period"])),
        }
        for number in range(draw(st.integers(0, 30)))
    }
    features = {f"f{number}": {"label": texts[0]} for number in range(draw(st.integers(0, 20)))}
    services = {
        f"s{number}": {"label": texts[1], "metric": metrics[0], "cost": 1_000_000}
        for number in range(draw(st.integers(0, 20)))
    }
    plans = {
        name: {
            "rank": rank,
            "label": texts[2],
            "description": texts[2],
            "price_minor": draw(PRICES),
            "features": list(features),
            "allowances": allowances[rank:],
        }
        for rank, name in enumerate(("big", "small"))
    }
    return Catalog.model_validate(
        {
            "currency": draw(CURRENCIES),
            "default_plan": "big",
            "primary_metric": "m0",
            "metrics": {
                name: {"label": texts[3], "estimate": {"per_unit": 1_000_000, "label": texts[3]}}
                for name in metrics
            },
            "features": features,
            "services": services,
            "plans": plans,
            "packages": packages,
        }
    )


def check(card: Card) -> None:
    """Assert every limit of an embed, by the stricter way of counting."""
    texts = [card.title, card.description, card.footer]
    texts += [text for field in card.fields for text in (field.name, field.value)]

    assert 1 <= length_of(card.title) <= 256
    assert length_of(card.description) <= 4096
    assert length_of(card.footer) <= 2048
    assert len(card.fields) <= 25
    assert all(1 <= length_of(field.name.strip()) <= 256 for field in card.fields)
    assert all(1 <= length_of(field.value.strip()) <= 1024 for field in card.fields)
    assert sum(length_of(text) for text in texts) <= 6000


@given(
    title=FOREIGN,
    description=FOREIGN,
    footer=FOREIGN,
    fields=st.lists(st.builds(Field, name=FOREIGN, value=FOREIGN), max_size=40),
)
def test_a_card_of_anything_keeps_the_limits(
    title: str, description: str, footer: str, fields: list[Field]
) -> None:
    """Whatever goes in is cut to what Discord takes."""
    check(Card("." + title, description, tuple(fields), footer))


@given(catalogs(), WORDS, st.data())
def test_quota_cards_keep_the_limits(catalog: Catalog, words: Words, data: st.DataObject) -> None:
    """Big amounts, long names, many metrics and windows; the plan is always there."""
    amount = data.draw(AMOUNTS)
    limits = st.none() | AMOUNTS
    windows = [
        window(limit=data.draw(limits), used=amount, kind=kind, overage=amount) for kind in ("day", "hour")
    ]
    parts = [
        metric(
            *windows, metric=name, purchased=amount, purchased_left=amount // 2, expiring_left=amount, debt=1
        )
        for name in (*catalog.metrics, "gone")[: data.draw(st.integers(0, 31))]
    ]
    whose = data.draw(st.none() | FOREIGN)
    card = quota_card(balance(*parts, plan="big"), catalog, words, whose=whose, now_ms=NOW_MS)

    check(card)
    check(mention_card(balance(*parts, plan="small"), catalog, words, now_ms=NOW_MS))
    assert card.fields[-1].name == words("quota.plan")


@given(catalogs(), WORDS, AMOUNTS, AMOUNTS, FOREIGN)
def test_cards_about_spending_keep_the_limits(
    catalog: Catalog, words: Words, used: int, limit: int, foreign: str
) -> None:
    """Low quota, refusals, and what was typed wrong."""
    refills = tuple(Refill(kind="day", limit=limit, used=used, resets_ms=NOW_MS) for _ in range(8))
    out = OutOfQuotaError(
        metric="m0", units_asked=used, units_left=limit, plan="big", refills=refills, retry_ms=NOW_MS
    )
    plans = tuple(foreign[:40] + str(number) for number in range(50))

    check(
        low_quota_card(crossing(used, limit), spend(metric="m0", purchased_left=used), "big", catalog, words)
    )
    check(refusal_card(out, catalog, words))
    check(refusal_card(UnknownPlanError(foreign, plans), catalog, words))
    check(refusal_card(ValueError(foreign), catalog, words, error_id="e1"))
    check(argument_card("bad_user", words, usage="!quota", given=foreign))
    check(
        help_card(foreign, words, prefix="!", operator=True, others=[(f"c{n}", foreign) for n in range(60)])
    )


@given(catalogs(), WORDS, AMOUNTS, FOREIGN)
def test_cards_about_buying_keep_the_limits(
    catalog: Catalog, words: Words, amount: int, foreign: str
) -> None:
    """Every package that has a button is on the card, and its button has a label."""
    shop = shop_card(catalog, words, can_sell=False, operator=True)

    check(shop)
    assert len(shop.fields) == min(25, len(catalog.packages) or len(catalog.plans))
    for package_id in catalog.packages:
        assert 1 <= length_of(package_label(catalog, package_id, words)) <= MAX_BUTTON_LABEL
        check(pay_card(opened(package=package_id), catalog, words, foreign))
    facts = {"metric": "m0", "units": amount, "before": amount, "after": amount, "total": amount}
    url = "https://pay.example/" + "x" * len(foreign)
    check(notice_card(notice(facts={**facts, "account": foreign}), catalog, words, receipt_url=url))
    held: dict[str, Any] = dict.fromkeys(("difference", "reference", "event", "order"), foreign)
    check(notice_card(notice("payment_held", held), catalog, words, receipt_url=None))
    line = history_line(metric="m0", units=amount, after=amount, package=foreign or None)
    check(history_card(HistoryPage(number=10**9, pages=10**9, lines=(line,) * 5), catalog, words))


@given(catalogs(), WORDS, AMOUNTS, FOREIGN)
def test_operators_cards_keep_the_limits(catalog: Catalog, words: Words, amount: int, foreign: str) -> None:
    """Long reasons, long names, many currencies."""
    change = Change(units=amount, before=amount, after=amount)
    stats = Stats(
        accounts=amount,
        active_7_days=amount,
        active_30_days=amount,
        granted=amount,
        sold=amount,
        used=amount,
        revenue=tuple(Revenue(currency="EUR", orders=1, gross_minor=amount) for _ in range(40)),
        viewers=amount,
        buyers=amount,
        best_package=foreign,
        best_package_orders=amount,
        held=amount,
        owed=amount,
    )
    plan = PlanChange(before="gone", after="big", until_ms=NOW_MS + amount)

    check(
        change_card(
            "remove", change, catalog, words, who=foreign, metric="m0", asked=amount + 1, reason=foreign
        )
    )
    check(plan_card(plan, catalog, words, who=foreign, now_ms=NOW_MS, reason=foreign))
    check(stats_card(stats, catalog, words))
