"""What a summary says of a threshold that was reached, in one line."""

from __future__ import annotations

from decimal import Decimal

from quota_core.catalog import Catalog
from quota_core.summary import Alert
from wording.names import metric_name
from wording.safe import Safe
from wording.words import Words


def alert_text(alert: Alert, catalog: Catalog, words: Words) -> Safe:
    """Return `3D renders at 78% of the monthly quota`."""
    return words(
        "summary.alert",
        metric=metric_name(alert.metric, catalog, words),
        percent=words.percent(Decimal(alert.percent) / 100),
        quota=words(f"quota_of.{alert.kind}"),
    )
