"""A server's quota, and what its admins set about it."""

from __future__ import annotations

from collections.abc import Sequence

from quota_core.balances import Balance
from quota_core.catalog import Catalog
from quota_core.pools import EVERYONE, Pool
from quota_core.store.recipients import Recipient
from wording.card import Card, Field, clipped
from wording.quota_card import quota_card
from wording.safe import Safe
from wording.words import Words

MAX_SHOWN = 900


def pool_card(
    pool: Pool,
    balance: Balance,
    catalog: Catalog,
    words: Words,
    *,
    now_ms: int,
    manages: bool,
    changed: bool = False,
    alerts: Sequence[Recipient] = (),
) -> Card:
    """
    Return the server's balance in units, whether it is for members, and what each may draw.

    With `changed` the title says that a setting was saved, and the order of paying is shown also while it is off.
    `alerts` are the channels in which the server hears of itself.
    """
    drawn = quota_card(balance, catalog, words, whose=None, now_ms=now_ms)
    lines = [words("pool.on" if pool.enabled else "pool.off")]
    if pool.enabled or changed:
        lines.append(words("pool.server_first" if pool.pays_first else "pool.members_first"))
    caps = [
        words(
            f"pool.cap_{period}",
            who=words("pool.everyone") if role == EVERYONE else Safe(f"<@&{role}>"),
            units=words.number(units),
        )
        for role, period, units in pool.caps
    ]
    fields = [*drawn.fields, Field(words("pool.members"), "\n".join(lines))]
    if caps:
        fields.append(Field(words("pool.caps"), clipped("\n".join(caps), MAX_SHOWN)))
    if alerts:
        places = [
            words(
                "pool.alerts_off_line" if one.disabled_ms is not None else "pool.alerts_line",
                channel=Safe(f"<#{one.target}>"),
            )
            for one in alerts
        ]
        fields.append(Field(words("pool.alerts"), "\n".join(places)))
    if manages:
        fields.append(Field(words("pool.how"), words("pool.how_line")))
    title = words("pool.changed" if changed else "pool.title")
    return Card(title, drawn.description, tuple(fields), tone=drawn.tone)
