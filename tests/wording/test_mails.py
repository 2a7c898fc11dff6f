"""The e-mails about sessions: what was used and is included, paid plans with prices, and where to upgrade."""

from __future__ import annotations

import dataclasses
from zoneinfo import ZoneInfo

import pytest

from quota_core.catalog_file import load
from quota_core.events import ALERT
from tests.wording.facts import notice
from wording.mail import Mail, Mails
from wording.words import Words

MAILS = Mails(load("sessions"), dashboard_url="https://quota.example/dashboard", can_sell=True)
FACTS = {
    "metric": "sessions",
    "window": "month",
    "limit": 100,
    "purchased_left": 0,
    "resets_ms": 1_796_860_800_000,
    "plan": "free",
}


def alert(used: int, threshold: int, words: Words) -> Mail:
    """Return the e-mail about so many of 100 sessions."""
    told = dataclasses.replace(notice(), kind=ALERT, facts={**FACTS, "used": used, "threshold": threshold})
    return MAILS.of(told, words, zone=ZoneInfo("UTC"))


def test_at_eighty_percent_in_english(english: Words) -> None:
    """Used, included, percent; both plans that cost something; the ordinary link."""
    mail = alert(81, 80, english)
    text = mail.text.replace("\xa0", " ").replace("\u202f", " ")

    assert mail.subject == "⚠️ 81% used: Sessions"
    assert "You have used 81 of 100 sessions (81% of your monthly quota)." in text
    assert "- Starter · $29.00 a month · 5,000 sessions a month" in text
    assert "- Growth · $99.00 a month · 20,000 sessions a month" in text
    assert "Upgrade now\nhttps://quota.example/dashboard?upgrade=true\n" in text
    assert text.count("\n- ") == 2


def test_at_a_hundred_percent_in_french(french: Words) -> None:
    """The limit, and the urgent link."""
    mail = alert(100, 100, french)
    text = mail.text.replace("\xa0", " ").replace("\u202f", " ")

    assert mail.subject.replace("\xa0", " ") == "⛔ Épuisé : Sessions"
    assert "Vous avez atteint la limite de votre quota mensuel : 100 sessions." in text
    assert "- Starter · 29,00 $US par mois · 5 000 sessions par mois" in text
    assert "Changer de formule pour continuer\nhttps://quota.example/dashboard?upgrade=urgent\n" in text


@pytest.mark.parametrize("plan", ["starter", "growth"])
def test_a_welcome_names_what_one_pays_for(plan: str, english: Words) -> None:
    """Sessions with their minutes, projects, and the support."""
    text = MAILS.welcome(plan, english).text
    sessions, projects, support = {
        "starter": (
            "5,000 sessions a month (≈ 10,000 minutes)",
            "3 projects",
            "Support by e-mail within 48 h",
        ),
        "growth": (
            "20,000 sessions a month (≈ 40,000 minutes)",
            "10 projects",
            "Priority support within 24 h",
        ),
    }[plan]

    assert all(one in text for one in (sessions, projects, support))
    assert "https://quota.example/dashboard" in text
