"""
What all windows of an account have used, as one number.

Every window gets a random weight when it is first met. The sum of weight times units over all entries of an account
must be the same over all rows of its windows; another distribution of the units has the same sum once in 2^60. So
windows that closed long ago need no memory, and whoever alters rows cannot aim at a sum that is drawn anew.
"""

from __future__ import annotations

import secrets
from collections import defaultdict

WEIGHT_BITS = 60
MAX_TEXTS = 50_000  # texts of parts that are remembered
Said = tuple[int, int, int, str, int]
"""What a row says of its parts: kind, metric, units, how the parts are kept, time in whole days."""
OVERAGE = "+"


class WindowSums:
    """Weights of windows, and the sums of parts that name nothing but windows."""

    def __init__(self) -> None:
        self._weights: dict[int, dict[str, int]] = defaultdict(dict)
        self.plain: dict[Said, tuple[bytes, int]] = {}
        """The parts of spends that name windows alone, with their sum, by what their rows say of them."""

    def weight(self, metric: int, pot: str) -> int:
        """Return the weight of a window (2026-11-20) or of its overage (+2026-11-20)."""
        weights = self._weights[metric]
        known = weights.get(pot)
        if known is None:
            known = weights[pot] = secrets.randbits(WEIGHT_BITS) | 1
        return known

    def of_row(self, metric: int, period: str, used: int, overage: int) -> int:
        """Return the sum of a window's row."""
        # Without a call for a window that is known, as nearly all are.
        weight = self._weights[metric].get(period) or self.weight(metric, period)
        total = used * weight
        return total + overage * self.weight(metric, OVERAGE + period) if overage else total

    def remember(self, said: Said, parts: bytes, total: int) -> None:
        """Keep what parts amount to: most entries of a day say the same."""
        if len(self.plain) >= MAX_TEXTS:
            self.plain.clear()
        self.plain[said] = (parts, total)
