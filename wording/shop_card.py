"""What is on sale, and the page to pay on."""

from __future__ import annotations

from quota_core.catalog import Catalog
from quota_core.purchases import Opened
from wording.card import Card, Field, Tone, clipped
from wording.names import features_of, package_name, plan_limits, services_of
from wording.prices import plan_offer
from wording.safe import Safe, safe_name
from wording.words import Words

MAX_BUTTON_LABEL = 80  # https://discord.com/developers/docs/components/reference#button
MAX_PACKAGES = 25  # five rows of five buttons; what has no button is not shown either
MAX_TEXT = 100
MAX_PLANS = 8
MAX_PLAN_TEXT = 600
MAX_DESCRIBED = 12  # more packages than this stand without their descriptions, so that all fit


def shop_card(catalog: Catalog, words: Words, *, can_sell: bool, operator: bool = False) -> Card:
    """
    Return the packages with price, unit price and savings, the popular ones first.

    Args:
        catalog: what is on sale, at most 25 packages.
        words: the reader's.
        can_sell: False says that nothing can be bought, and why.
        operator: then it also says what to do about it.

    """
    packages = [catalog.packages[package_id] for package_id in catalog.shop_order]
    if not packages:
        return _plans(catalog, words)
    metrics = list(dict.fromkeys(package.metric for package in packages))
    names = [words.unit_name(2, catalog, metric) for metric in metrics]
    lines: list[str] = [words("shop.intro", units=words.joined(names))]
    if all(package.expires == "never" for package in packages):
        lines.append(words("shop.never_expires"))
    if not can_sell:
        lines += ["", words("shop.off")]
        if operator:
            lines.append(words("shop.off_operator"))
    return Card(
        words("shop.title"),
        clipped("\n".join(lines), 2000),
        tuple(_package(package_id, catalog, words) for package_id in catalog.shop_order[:MAX_PACKAGES]),
        words("shop.footer") if can_sell else "",
        Tone.INFO if can_sell else Tone.WARNING,
    )


def _plans(catalog: Catalog, words: Words) -> Card:
    """Return the plans and their prices, where nothing else is on sale."""
    fields = []
    for plan_id in list(catalog.plans_by_rank)[:MAX_PLANS]:
        lines = [plan_limits(plan_id, catalog, words)]
        services = services_of(plan_id, catalog, words).split("\n")
        lines += [Safe(", ".join(services))] if services != [""] else []
        lines.append(features_of(plan_id, catalog, words))
        name = plan_offer(plan_id, catalog, words)
        title = words("shop.popular", package=name) if catalog.plans[plan_id].popular else name
        said = [line for line in lines if line] or [words("quota.none_given")]
        fields.append(Field(title, clipped("\n".join(said), MAX_PLAN_TEXT)))
    if not any(plan.price_minor for plan in catalog.plans.values()):
        return Card(words("shop.title"), words("shop.empty"), tone=Tone.WARNING)
    return Card(words("shop.plans"), words("shop.plans_intro"), tuple(fields))


def package_label(catalog: Catalog, package_id: str, words: Words) -> str:
    """Return the label of a package's button, at most 80 characters: `1,000 · €14.99`."""
    package = catalog.package(package_id)
    price = words.money(package.price_minor, catalog.currency)
    units = words.number(package.units)
    if len({one.metric for one in catalog.packages.values()}) > 1:
        units = words.units(package.units, catalog, package.metric)
    return clipped(words("shop.label", units=units, price=price), MAX_BUTTON_LABEL)


def pay_card(opened: Opened, catalog: Catalog, words: Words, account_label: str) -> Card:
    """Return what is paid, for which account and until when; for the buyer's eyes only."""
    package = catalog.packages.get(opened.package)
    metric = catalog.primary_metric if package is None else package.metric
    lasting = "never" if package is None else package.expires
    units = words.units(opened.units, catalog, metric)
    name = package_name(opened.package, catalog, words)
    lines = [words("pay.again")] if opened.reused else []
    lines.append(words("pay.intro"))
    valid = words(
        "pay.valid_line", clock=words.clock(opened.expires_ms), when=words.relative(opened.expires_ms)
    )
    return Card(
        words("pay.title", package=name, units=units),
        "\n".join(lines),
        (
            Field(
                words("pay.amount"),
                words("pay.amount_line", price=words.money(opened.price_minor, opened.currency)),
                inline=True,
            ),
            Field(
                words("pay.units"),
                words("pay.units_line", units=units, lasting=words(f"pay.lasting_{lasting}")),
                inline=True,
            ),
            Field(words("pay.account"), f"**{safe_name(account_label)}**", inline=True),
            Field(words("pay.valid"), valid),
        ),
        words("pay.footer", order=Safe(opened.order_id)),
    )


def _package(package_id: str, catalog: Catalog, words: Words) -> Field:
    package = catalog.packages[package_id]
    name = package_name(package_id, catalog, words)
    units = words.units(package.units, catalog, package.metric)
    price = words.money(package.price_minor, catalog.currency)
    unit_price = words.unit_money(catalog.unit_cost(package_id), catalog.currency)
    lines = [words("shop.units", units=units, price=price), words("shop.unit_price", price=unit_price)]
    savings_percent = catalog.savings_percent(package_id)
    if savings_percent > 0:
        # A line of its own: three packages stand side by side, and a column is narrow.
        lines.append(Safe(f"**{words('shop.saves', percent=words.percent(savings_percent / 100))}**"))
    if package.expires != "never":
        lines.append(words("shop.period"))
    if len(catalog.packages) <= MAX_DESCRIBED:
        lines.append(Safe(f"*{clipped(words.text(package.description), MAX_TEXT)}*"))
    title = words("shop.popular", package=name) if package.popular else name
    return Field(title, "\n".join(lines), inline=not package.popular)
