"""What the pages say, and which of their two languages a browser gets."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wording.language import LANGUAGES

MAX_HEADER_LENGTH = 500
_WEIGHTED = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,20})?\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*"
)

# Each: a sign, a title, then lines. {units} is "1,000 requests".
_ENGLISH: Mapping[str, tuple[str, ...]] = {
    "open": (
        "⏳",
        "Waiting for the confirmation",
        "Stripe is about to confirm your payment for {units}.",
        "This page looks again by itself.",
    ),
    "pending": (
        "🏦",
        "Your payment is on its way",
        "Your bank will confirm it, which can take some days.",
        "You will get {units} then, and a direct message.",
    ),
    "paid": (
        "✅",
        "Paid. Thank you!",
        "Added to your account: {units}.",
        "You will find the details in a direct message.",
    ),
    "failed": (
        "⚠️",
        "The payment did not go through",
        "Nothing was added for it.",
        "Use /buy_quota in Discord to try again.",
    ),
    "expired": (
        "⌛",
        "This link has expired",
        "Nothing was charged.",
        "Use /buy_quota in Discord for a new one.",
    ),
    "preparing": (
        "⏳",
        "One moment",
        "The payment page for {units} is being opened.",
        "This page looks again by itself.",
    ),
    "unknown": ("🔍", "Nothing here", "This link does not belong to any purchase."),
    "cancelled": ("↩️", "Nothing was charged", "Your link in Discord works until it expires."),
    "reference": ("Reference: {order}",),
    "back": ("Back to Discord",),
}
_FRENCH: Mapping[str, tuple[str, ...]] = {
    "open": (
        "⏳",
        "Confirmation en attente",
        "Stripe va confirmer votre paiement pour {units}.",
        "Cette page s'actualise toute seule.",
    ),
    "pending": (
        "🏦",
        "Votre paiement est en route",
        "Votre banque va le confirmer, ce qui peut prendre quelques jours.",
        "Vous recevrez alors {units}, et un message privé.",
    ),
    "paid": (
        "✅",
        "Payé. Merci\u00a0!",
        "Ajouté à votre compte\u00a0: {units}.",
        "Vous trouverez le détail dans un message privé.",
    ),
    "failed": (
        "⚠️",
        "Le paiement n'a pas abouti",
        "Rien n'a été ajouté.",
        "Utilisez /buy_quota dans Discord pour réessayer.",
    ),
    "expired": (
        "⌛",
        "Ce lien a expiré",
        "Rien n'a été débité.",
        "Utilisez /buy_quota dans Discord pour en obtenir un autre.",
    ),
    "preparing": (
        "⏳",
        "Un instant",
        "La page de paiement pour {units} est en cours d'ouverture.",
        "Cette page s'actualise toute seule.",
    ),
    "unknown": ("🔍", "Rien ici", "Ce lien ne correspond à aucun achat."),
    "cancelled": (
        "↩️",
        "Rien n'a été débité",
        "Votre lien dans Discord reste valable jusqu'à son expiration.",
    ),
    "reference": ("Référence\u00a0: {order}",),
    "back": ("Retour à Discord",),
}
MESSAGES = {"en": _ENGLISH, "fr": _FRENCH}


def language_for(asked: str | None, accepted: str) -> str:
    """Return the language of `?lang=`, else the first we speak of Accept-Language, else English."""
    if asked in LANGUAGES:
        return asked
    wanted: list[tuple[float, str]] = []
    for part in accepted[:MAX_HEADER_LENGTH].split(","):
        found = _WEIGHTED.fullmatch(part)
        if found is not None and found[1].lower() in LANGUAGES:
            weight = float(found[2] or 1)
            wanted += [(-weight, found[1].lower())] if weight else []
    # Sorted by weight alone: between equals, the browser's order stands.
    return min(wanted, key=lambda pair: pair[0])[1] if wanted else LANGUAGES[0]
