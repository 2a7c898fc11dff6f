"""A small catalog with every kind of pot."""

from quota_core.catalog import Catalog
from quota_core.catalog_file import parse

EVERYTHING = """
currency = "EUR"
default_plan = "free"
primary_metric = "requests"

[metrics.requests]
label = { en = "requests", fr = "requêtes" }
[metrics.renders]
label = { en = "renders", fr = "rendus" }

[metrics.space]
kind = "gauge"
label = { en = "MB", fr = "Mo" }

[features.searching]
label = { en = "Search", fr = "Recherche" }
[services.search]
label = { en = "Search", fr = "Recherche" }
metric = "requests"
cost = 3
feature = "searching"
[services.chat]
label = { en = "Chat", fr = "Discussion" }
metric = "requests"

[plans.free]
rank = 0
label = { en = "Free", fr = "Gratuit" }
description = { en = "A little", fr = "Un peu" }
[[plans.free.allowances]]
metric = "requests"
limit = 10
period = "day"
thresholds = [{ at = 50, severity = "info" }, { at = 95, severity = "warning" }]

[[plans.free.allowances]]
metric = "space"
limit = 5
period = "level"
thresholds = [{ at = 80, severity = "warning" }, { at = 100, severity = "critical" }]

[plans.pro]
rank = 1
label = { en = "Pro", fr = "Pro" }
description = { en = "Two windows at once", fr = "Deux fenêtres à la fois" }
features = ["searching"]
[[plans.pro.allowances]]
metric = "requests"
limit = 20
period = "day"
thresholds = [{ at = 95, severity = "warning" }]
[[plans.pro.allowances]]
metric = "requests"
limit = 45
period = "month"
thresholds = [{ at = 80, severity = "warning" }]
[[plans.pro.allowances]]
metric = "renders"
limit = 4
period = "week"

[[plans.pro.allowances]]
metric = "space"
limit = 20
period = "level"

[plans.charged]
rank = 2
label = { en = "Charged", fr = "Facturé" }
description = { en = "Goes on beyond its limit", fr = "Continue au-delà de la limite" }
[[plans.charged.allowances]]
metric = "requests"
limit = 10
period = "day"
overage = "charge"
overage_rate_minor = 2
overage_cap = 7
[[plans.charged.allowances]]
metric = "requests"
limit = 60
period = "month"
[[plans.charged.allowances]]
metric = "renders"
limit = 2
period = "hour"
overage = "charge"
overage_rate_minor = 5

[plans.endless]
rank = 3
label = { en = "Endless", fr = "Sans fin" }
description = { en = "No limit", fr = "Sans limite" }
[[plans.endless.allowances]]
metric = "requests"
limit = "unlimited"
period = "day"

[[plans.endless.allowances]]
metric = "space"
limit = "unlimited"
period = "level"

[packages.five]
label = { en = "Five", fr = "Cinq" }
description = { en = "For ever", fr = "Pour toujours" }
metric = "requests"
units = 5
price_minor = 299
reference = true

[packages.eight]
label = { en = "Eight", fr = "Huit" }
description = { en = "Until the window ends", fr = "Jusqu'à la fin de la fenêtre" }
metric = "requests"
units = 8
price_minor = 399
expires = "period"
"""


def everything() -> Catalog:
    """Return a catalog with windows that bind together, overage, no limit at all, and two packages."""
    return parse(EVERYTHING, name="everything.toml")


def carrying() -> Catalog:
    """Return the same, with up to 4 units of the free day that are carried over to the next one."""
    text = EVERYTHING.replace('period = "day"\n', 'period = "day"\nrollover_cap = 4\n', 1)
    return parse(text, name="carrying.toml")
