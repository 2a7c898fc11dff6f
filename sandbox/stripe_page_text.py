"""The payment page's words, in English and French."""

from typing import Any

ENGLISH = {
    "sandbox": "Sandbox",
    "sandbox_hint": "This is a practice page: no card is asked for and no money moves.",
    "title": "Payment",
    "pay_verb_auto": "Pay",
    "pay_verb_pay": "Pay",
    "pay_verb_book": "Book",
    "pay_verb_donate": "Donate",
    "pay_verb_subscribe": "Subscribe",
    "to": "Pay {merchant}",
    "quantity": "{quantity} × {price}",
    "subtotal": "Subtotal",
    "tax": "Tax",
    "tax_later": "computed at payment",
    "discount": "Discount",
    "total": "Total due",
    "how": "How should this payment go?",
    "how_hint": "Choose what the buyer's bank does.",
    "pay": "{verb} {amount}",
    "pay_hint": "Test card 4242 4242 4242 4242, accepted at once",
    "decline": "Pay with a card that is declined",
    "decline_hint": "Test card ending in 0002: nothing is charged, you can try again",
    "delay": "Pay by bank debit",
    "delay_hint": "The money comes later: the bank says yes or no afterwards",
    "declined": "Your card was declined.",
    "declined_hint": "Nothing was charged. Try another way to pay.",
    "terms": "I agree to the terms of service.",
    "terms_missing": "Accept the terms of service first.",
    "terms_missing_hint": "Nothing was charged.",
    "back": "Back to {merchant}",
    "paid": "Payment received",
    "paid_hint": "This checkout is paid. There is nothing left to do here.",
    "waiting": "Waiting for the bank",
    "waiting_hint": "The debit of {amount} is under way. Real banks take days; here you decide.",
    "bank_yes": "The bank says yes",
    "bank_yes_hint": "The money arrives and the purchase is credited",
    "bank_no": "The bank says no",
    "bank_no_hint": "The debit fails and nothing is credited",
    "failed": "The bank refused",
    "failed_hint": "The debit failed and nothing was charged. Start a new purchase to try again.",
    "expired": "This page has expired",
    "expired_hint": "Nothing was charged. Start the purchase again to get a new page.",
    "unknown": "No such page",
    "unknown_hint": "The sandbox forgets its checkouts when it stops. Start the purchase again.",
    "receipt": "Receipt",
    "receipt_from": "Receipt from {merchant}",
    "receipt_hint": "A receipt of the sandbox: no money moved.",
    "amount": "Amount paid",
    "date": "Date",
    "method": "Payment method",
    "reference": "Reference",
    "card": "Card ending in {last4}",
    "debit": "Bank account ending in {last4}",
    "see_receipt": "See the receipt",
    "not_yet": "This payment is not complete.",
    "not_yet_hint": "A receipt exists once the money is in.",
    "footer": "Jauge sandbox · a stand-in for Stripe Checkout on this machine",
}
FRENCH = {
    "sandbox": "Bac à sable",
    "sandbox_hint": "Page d’entraînement : aucune carte n’est demandée, aucun argent ne circule.",
    "title": "Paiement",
    "pay_verb_auto": "Payer",
    "pay_verb_pay": "Payer",
    "pay_verb_book": "Réserver",
    "pay_verb_donate": "Donner",
    "pay_verb_subscribe": "S’abonner",
    "to": "Payer {merchant}",
    "quantity": "{quantity} × {price}",
    "subtotal": "Sous-total",
    "tax": "Taxes",
    "tax_later": "calculées au paiement",
    "discount": "Remise",
    "total": "Total à payer",
    "how": "Comment ce paiement doit-il se passer ?",
    "how_hint": "Choisissez ce que fait la banque de l’acheteur.",
    "pay": "{verb} {amount}",
    "pay_hint": "Carte de test 4242 4242 4242 4242, acceptée aussitôt",
    "decline": "Payer avec une carte refusée",
    "decline_hint": "Carte de test finissant par 0002 : rien n’est débité, vous pouvez réessayer",
    "delay": "Payer par prélèvement bancaire",
    "delay_hint": "L’argent vient plus tard : la banque dit oui ou non ensuite",
    "declined": "Votre carte a été refusée.",
    "declined_hint": "Rien n’a été débité. Essayez un autre moyen de paiement.",
    "terms": "J’accepte les conditions d’utilisation.",
    "terms_missing": "Acceptez d’abord les conditions d’utilisation.",
    "terms_missing_hint": "Rien n’a été débité.",
    "back": "Retour à {merchant}",
    "paid": "Paiement reçu",
    "paid_hint": "Cet achat est payé. Il n’y a plus rien à faire ici.",
    "waiting": "En attente de la banque",
    "waiting_hint": (
        "Le prélèvement de {amount} est en cours. Une vraie banque met des jours ; ici, c’est vous qui décidez."
    ),
    "bank_yes": "La banque dit oui",
    "bank_yes_hint": "L’argent arrive et l’achat est crédité",
    "bank_no": "La banque dit non",
    "bank_no_hint": "Le prélèvement échoue et rien n’est crédité",
    "failed": "La banque a refusé",
    "failed_hint": "Le prélèvement a échoué, rien n’a été débité. Recommencez l’achat pour réessayer.",
    "expired": "Cette page a expiré",
    "expired_hint": "Rien n’a été débité. Recommencez l’achat pour obtenir une nouvelle page.",
    "unknown": "Page inconnue",
    "unknown_hint": "Le bac à sable oublie ses paiements quand il s’arrête. Recommencez l’achat.",
    "receipt": "Reçu",
    "receipt_from": "Reçu de {merchant}",
    "receipt_hint": "Un reçu du bac à sable : aucun argent n’a circulé.",
    "amount": "Montant payé",
    "date": "Date",
    "method": "Moyen de paiement",
    "reference": "Référence",
    "card": "Carte finissant par {last4}",
    "debit": "Compte finissant par {last4}",
    "see_receipt": "Voir le reçu",
    "not_yet": "Ce paiement n’est pas terminé.",
    "not_yet_hint": "Le reçu existe une fois l’argent arrivé.",
    "footer": "Bac à sable de Jauge · remplace Stripe Checkout sur cette machine",
}
LANGUAGES = {"en": ENGLISH, "fr": FRENCH}


def language_of(session_locale: str | None, accept_language: str) -> str:
    """Return `en` or `fr`: the session's, or the browser's first of these when the session leaves it open."""
    wanted = [session_locale or "auto"]
    if wanted == ["auto"]:
        wanted = [part.partition(";")[0].strip() for part in accept_language.split(",")]
    for one in wanted:
        if (language := one[:2].lower()) in LANGUAGES:
            return language
    return "en"


def words(language: str, key: str, **facts: Any) -> str:
    """Return the words for `key`, with `facts` in them; they are not escaped yet."""
    return LANGUAGES[language][key].format(**facts)
