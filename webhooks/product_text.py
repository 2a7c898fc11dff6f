"""What a payment page says of an order, in English or French."""

from __future__ import annotations

from quota_core.accounts import AccountRef
from quota_core.catalog import Catalog
from quota_core.store.orders import OrderRow
from webhooks.stripe_checkout import Product
from wording.language import language_of
from wording.words import Words

MAX_LABEL_LENGTH = 100
_CREDITED = {"en": "Credited to {account}", "fr": "Crédité à {account}"}
_TERMS = {
    "en": "I agree to the [terms of sale]({url}).",
    "fr": "J'accepte les [conditions de vente]({url}).",
}


class ProductTexts:
    """Say what is sold; `terms_url` is named where buyers must accept the terms."""

    def __init__(self, catalog: Catalog, *, terms_url: str | None) -> None:
        self._catalog = catalog
        self._terms_url = terms_url

    def __call__(self, order: OrderRow, account_label: str) -> Product:
        """Return the product of an order whose account people know as `account_label`."""
        language = language_of(order.locale)
        package = self._catalog.packages.get(order.package)
        # A display name is foreign text: what cannot be seen has no place on a page where one pays.
        seen = "".join(char for char in account_label if char.isprintable()).strip()[:MAX_LABEL_LENGTH]
        label = seen or str(AccountRef(*order.account_ref))
        return Product(
            name=str(Words(language).units(order.units, self._catalog, order.metric)),
            credited=_CREDITED[language].format(account=label),
            terms=_TERMS[language].format(url=self._terms_url or ""),
            price=None if package is None else package.stripe_price,
        )
