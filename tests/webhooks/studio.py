"""A catalog with a price, overage that is charged, top-ups of a period, an estimate and a service."""

from quota_core.catalog import Catalog
from quota_core.catalog_file import parse

STUDIO = """
currency = "EUR"
default_plan = "business"
primary_metric = "sessions"

[metrics.renders_3d]
label = { en = "3D renders", fr = "rendus 3D" }
[metrics.sessions]
label = { en = "sessions", fr = "sessions" }
estimate = { per_unit = 2, label = { en = "minutes", fr = "minutes" } }

[features.law]
label = { en = "Law", fr = "Droit" }
[services.legal]
label = { en = "Legal", fr = "Légal" }
metric = "sessions"
cost = 3
feature = "law"

[plans.business]
rank = 0
label = { en = "Business", fr = "Business" }
description = { en = "For a team", fr = "Pour une équipe" }
price_minor = 29900
interval = "month"
[[plans.business.allowances]]
metric = "renders_3d"
limit = 200
period = "month"
overage = "charge"
overage_rate_minor = 100.5
thresholds = [{ at = 50, severity = "info" }, { at = 75, severity = "warning" }, { at = 90, severity = "critical" }]
[[plans.business.allowances]]
metric = "sessions"
limit = 100
period = "month"
[[plans.business.allowances]]
metric = "sessions"
limit = 40
period = "day"

[plans.open]
rank = 1
label = { en = "Open", fr = "Ouvert" }
description = { en = "Everything", fr = "Tout" }
features = ["law"]
[[plans.open.allowances]]
metric = "sessions"
limit = "unlimited"
period = "month"

[packages.sessions_50]
label = { en = "50", fr = "50" }
description = { en = "More", fr = "Plus" }
metric = "sessions"
units = 50
price_minor = 500
expires = "period"
[packages.renders_10]
label = { en = "10", fr = "10" }
description = { en = "More", fr = "Plus" }
metric = "renders_3d"
units = 10
price_minor = 1000
"""


def studio() -> Catalog:
    """Return it."""
    return parse(STUDIO, name="studio")
