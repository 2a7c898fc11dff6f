"""Messages as e-mails: a subject, a text, and the same as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from quota_core.catalog import Catalog
from quota_core.events import ALERT
from quota_core.notices import Notice
from wording.alert_card import is_used_up, percent_used
from wording.mail_page import Action, Page
from wording.names import features_of, metric_name, plan_limit, plan_limits, plan_name
from wording.notice_card import notice_card
from wording.plain import moment, plain
from wording.prices import plan_offer
from wording.words import Words

MAX_PLANS = 4
FULL_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Mail:
    """What is sent."""

    subject: str
    text: str
    html: str


class Mails:
    """
    Write e-mails.

    Args:
        catalog: for labels, plans and prices.
        dashboard_url: where people see their account and upgrade.
        can_sell: whether more can be bought.

    """

    def __init__(self, catalog: Catalog, *, dashboard_url: str, can_sell: bool) -> None:
        self._catalog = catalog
        self._dashboard_url = dashboard_url
        self._can_sell = can_sell

    def of(self, notice: Notice, words: Words, *, zone: ZoneInfo, about: str | None = None) -> Mail:
        """Return the e-mail of a notice; `about` names the account to readers who look after several."""
        page = self._alert(notice, words, zone) if notice.kind == ALERT else self._card(notice, words, zone)
        if about is not None:
            page = page.with_first(plain(words("mail.about", account=about), words, zone))
        return _mail(page)

    def welcome(self, plan: str, words: Words) -> Mail:
        """Return what somebody gets who moved to a plan."""
        name = plan_name(plan, self._catalog, words)
        benefits = [*plan_limits(plan, self._catalog, words).splitlines()]
        benefits += features_of(plan, self._catalog, words).splitlines()
        return _mail(
            Page(
                language=words.language,
                title=words("mail.welcome", plan=name),
                paragraphs=(words("mail.welcome_line", plan=name),),
                listed_title=words("mail.benefits"),
                listed=tuple(plain(one, words, ZoneInfo("UTC")) for one in benefits),
                action=Action(words("mail.start"), self._dashboard_url),
                footer=words("mail.footer"),
            )
        )

    def _alert(self, notice: Notice, words: Words, zone: ZoneInfo) -> Page:
        facts = notice.facts
        metric, used_up = facts["metric"], is_used_up(facts)
        limit = words.units(facts["limit"], self._catalog, metric)
        percent = percent_used(facts, words)
        window = words(f"quota_of.{facts['window']}")
        if used_up:
            title = words("mail.empty", metric=metric_name(metric, self._catalog, words))
            lines = [words("mail.empty_line", limit=limit, quota=window)]
        else:
            title = words("mail.low", percent=percent, metric=metric_name(metric, self._catalog, words))
            used = words.number(facts["used"])
            lines = [words("mail.low_line", used=used, limit=limit, percent=percent, quota=window)]
        if facts["purchased_left"] > 0:
            left = words.units(facts["purchased_left"], self._catalog, metric)
            lines.append(words("mail.purchased", units=left))
        if facts["resets_ms"] is not None:
            lines.append(words("mail.resets", when=moment(facts["resets_ms"], words, zone)))
        offers = self._offers(facts["plan"], metric, words)
        return Page(
            language=words.language,
            title=title,
            paragraphs=tuple(lines),
            percent=min(FULL_PERCENT, facts["used"] * 100 // facts["limit"]),
            listed_title=words("mail.consider") if offers else "",
            listed=offers,
            action=Action(
                words("mail.upgrade_urgent" if used_up else "mail.upgrade"),
                self._upgrade_url("urgent" if used_up else "true"),
            ),
            footer=words("mail.footer"),
        )

    def _upgrade_url(self, how: str) -> str:
        return f"{self._dashboard_url}{'&' if '?' in self._dashboard_url else '?'}upgrade={how}"

    def _offers(self, plan: str, metric: str, words: Words) -> tuple[str, ...]:
        """Return the larger plans that give some of a metric, with their prices where they have one."""
        rank = self._catalog.plan(plan).rank
        larger = [
            plan_id
            for plan_id, one in self._catalog.plans_by_rank.items()
            if one.rank > rank and one.price_minor != 0 and one.allowances_of(metric)
        ]
        return tuple(
            f"{plan_offer(plan_id, self._catalog, words)} · {plan_limit(plan_id, metric, self._catalog, words)}"
            for plan_id in larger[:MAX_PLANS]
        )

    def _card(self, notice: Notice, words: Words, zone: ZoneInfo) -> Page:
        card = notice_card(notice, self._catalog, words, can_sell=self._can_sell)
        paragraphs = [line for line in card.description.splitlines() if line.strip()]
        for one in card.fields:
            values = one.value.splitlines()
            paragraphs += [f"{one.name} · {values[0]}"] if len(values) == 1 else [one.name, *values]
        return Page(
            language=words.language,
            title=plain(card.title, words, zone),
            paragraphs=tuple(plain(line, words, zone) for line in paragraphs),
            footer=plain(card.footer, words, zone) or words("mail.footer"),
        )


def _mail(page: Page) -> Mail:
    return Mail(page.title, page.text(), page.html())
