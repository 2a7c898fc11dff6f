"""Amounts in minor units: their decimals, what Stripe accepts, and how a page shows them."""

import re
from decimal import Decimal

from babel.numbers import format_currency

from sandbox.stripe_errors import StripeRefusal

# https://docs.stripe.com/currencies#zero-decimal and #three-decimal
ZERO_DECIMAL_CODES = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
THREE_DECIMAL_CODES = "bhd jod kwd omr tnd"
# https://docs.stripe.com/currencies#presentment-currencies
CODES = """
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf
chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf
idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop
mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd
scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg
xof xpf yer zar zmw
"""
ZERO_DECIMAL = frozenset(ZERO_DECIMAL_CODES.split())
THREE_DECIMAL = frozenset(THREE_DECIMAL_CODES.split())
CURRENCIES = frozenset(CODES.split())
# Sent in hundredths for compatibility, though these currencies have no smaller unit any more.
# https://docs.stripe.com/currencies#special-cases
WHOLE_HUNDREDTHS = frozenset({"isk", "ugx"})
# The published ones; for others Stripe converts to the currency of the account, which the sandbox does not.
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MINIMUM_CHARGE = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip
MAXIMUM_CHARGE = 99_999_999
LETTER_BY_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")
NO_BREAK_SPACE = "\u00a0"


def decimals(currency: str) -> int:
    """Return how many decimal digits Stripe's amounts in `currency` have."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def checked_currency(code: str, *, param: str) -> str:
    """Return `code` in lower case, or refuse one that Stripe does not take."""
    currency = code.lower()
    if currency not in CURRENCIES:
        raise StripeRefusal(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(CURRENCIES))}",
            param=param,
        )
    return currency


def check_charge(amount_minor: int, currency: str, *, param: str) -> None:
    """
    Refuse an amount that cannot be charged.

    Raises:
        StripeRefusal: below the currency's minimum, above eight digits, or with a last digit that the currency
            does not have.

    """
    if amount_minor < MINIMUM_CHARGE.get(currency, 1):
        least = shown(MINIMUM_CHARGE.get(currency, 1), currency, locale="en")
        raise StripeRefusal(
            f"Amount must be at least {least} {currency}", code="amount_too_small", param=param
        )
    if amount_minor > MAXIMUM_CHARGE:
        most = shown(MAXIMUM_CHARGE, currency, locale="en")
        raise StripeRefusal(
            f"Amount must be no more than {most} {currency}", code="amount_too_large", param=param
        )
    if currency in THREE_DECIMAL and amount_minor % 10:
        raise StripeRefusal(
            f"Invalid amount: amounts in {currency} have three decimals of which the last must be 0, got "
            f"{amount_minor}.",
            param=param,
        )
    if currency in WHOLE_HUNDREDTHS and amount_minor % 100:
        raise StripeRefusal(
            f"Invalid amount: {currency} has no decimals; the amount must be divisible by 100, got {amount_minor}.",
            code="invalid_charge_amount_no_decimal_compatible",
            param=param,
        )


def shown(amount_minor: int, currency: str, *, locale: str) -> str:
    """Return the amount as a reader of `locale` writes it."""
    amount = Decimal(amount_minor).scaleb(-decimals(currency))
    # Babel leaves out the space between a currency's letters and its digits that CLDR asks for.
    return LETTER_BY_DIGIT.sub(NO_BREAK_SPACE, format_currency(amount, currency.upper(), locale=locale))
