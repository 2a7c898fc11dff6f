"""
What a button carries: `v1:<action>:<…>:<owner>`, at most 100 characters, unsigned on purpose.

Price, owner and rights are looked up on each press, so an id that somebody made up gains nothing. The
patterns are matched as a whole and cannot overlap: their second word differs.
"""

from __future__ import annotations

_OWNER = r"(?P<owner>[1-9][0-9]{0,19})"
_ID = r"[a-z][a-z0-9_]{0,39}"  # as in the catalog

BUY = rf"v1:buy:(?P<package>{_ID}):{_OWNER}"
SHOP = rf"v1:shop:{_OWNER}"
SERVER_BUY = rf"v1:server_buy:(?P<package>{_ID}):(?P<guild>[1-9][0-9]{{0,19}}):{_OWNER}"
OFFER = rf"v1:offer:(?P<metric>{_ID}):(?P<units>[1-9][0-9]{{0,9}}):(?P<member>[1-9][0-9]{{0,18}}):{_OWNER}"
SHARE = rf"v1:share:(?P<metric>{_ID}):(?P<units>[1-9][0-9]{{0,9}}):(?P<member>[1-9][0-9]{{0,18}}):{_OWNER}"
SERVER_PAGE = rf"v1:server_page:(?P<page>[0-9]{{1,6}}):{_OWNER}"
UPGRADE = rf"v1:upgrade:(?P<plan>{_ID}):{_OWNER}"
QUOTA = rf"v1:quota:(?P<subject>[1-9][0-9]{{0,19}}):{_OWNER}"
HISTORY = rf"v1:history:{_OWNER}"
PAGE = rf"v1:page:(?P<page>[0-9]{{1,6}}):{_OWNER}"
HISTORY_OF = rf"v1:history_of:(?P<subject>[1-9][0-9]{{0,19}}):(?P<page>[0-9]{{1,6}}):{_OWNER}"
STATEMENT = rf"v1:statement:{_OWNER}"
REFUND = rf"v1:refund:(?P<order>ord_[0-9a-f]{{32}}):{_OWNER}"
LOOK = rf"v1:look:(?P<order>ord_[0-9a-f]{{32}}):{_OWNER}"
STATS = rf"v1:stats:{_OWNER}"
KEPT = rf"v1:kept:{_OWNER}"
PAID_ASK = rf"v1:paid_ask:(?P<metric>{_ID}):(?P<units>[1-9][0-9]{{0,15}}):{_OWNER}"
PAID_USE = rf"v1:paid_use:(?P<metric>{_ID}):{_OWNER}"
NOTIFY = rf"v1:notify:{_OWNER}"
TOGGLE = rf"v1:toggle:(?P<what>[a-z]{{1,20}}):{_OWNER}"
ENTER = rf"v1:enter:(?P<what>[a-z]{{1,20}}):{_OWNER}"
RECIPIENT = rf"v1:recipient:(?P<what>[a-z]{{1,20}}):(?P<number>[1-9][0-9]{{0,17}}):{_OWNER}"
KINDS = rf"v1:kinds:(?P<number>[1-9][0-9]{{0,17}}):{_OWNER}"
REPLAY = rf"v1:replay:(?P<number>[1-9][0-9]{{0,17}}):{_OWNER}"

PRIVACY = rf"v1:privacy:{_OWNER}"
DATA = rf"v1:data:{_OWNER}"
FORGET = rf"v1:forget:{_OWNER}"
FORGET_SURELY = rf"v1:forget_surely:{_OWNER}"
REMEMBER = rf"v1:remember:{_OWNER}"

OURS = r"v[0-9]+:.*"
"""Every id that this program made or will make, whatever its version."""


def buy(package: str, owner_id: int) -> str:
    """Name the button that opens the payment page of a package."""
    return f"v1:buy:{package}:{owner_id}"


def server_buy(package: str, guild_id: int, owner_id: int) -> str:
    """Name the button that opens the payment page of a package for a server."""
    return f"v1:server_buy:{package}:{guild_id}:{owner_id}"


def offer(metric: str, units: int, member_id: int, owner_id: int) -> str:
    """Name the button that shows privately what a server could give a member."""
    return f"v1:offer:{metric}:{units}:{member_id}:{owner_id}"


def share(metric: str, units: int, member_id: int, owner_id: int) -> str:
    """Name the button that gives a member units of the server."""
    return f"v1:share:{metric}:{units}:{member_id}:{owner_id}"


def server_page(number: int, owner_id: int) -> str:
    """Name the button that shows those who manage a server a page of its history."""
    return f"v1:server_page:{number}:{owner_id}"


def shop(owner_id: int) -> str:
    """Name the button that shows the packages privately."""
    return f"v1:shop:{owner_id}"


def upgrade(plan: str, owner_id: int) -> str:
    """Name the button that says how to get onto a plan."""
    return f"v1:upgrade:{plan}:{owner_id}"


def quota(subject_id: int, owner_id: int) -> str:
    """Name the button that draws the card of `subject_id` again."""
    return f"v1:quota:{subject_id}:{owner_id}"


def history(owner_id: int) -> str:
    """Name the button that shows the history privately."""
    return f"v1:history:{owner_id}"


def page(number: int, owner_id: int) -> str:
    """Name the button that turns an open history to a page."""
    return f"v1:page:{number}:{owner_id}"


def history_of(subject_id: int, number: int, owner_id: int) -> str:
    """Name the button that shows an operator a page of somebody's history, privately."""
    return f"v1:history_of:{subject_id}:{number}:{owner_id}"


def statement(owner_id: int) -> str:
    """Name the button that sends the signed export."""
    return f"v1:statement:{owner_id}"


def stats(owner_id: int) -> str:
    """Name the button that shows an operator the figures privately."""
    return f"v1:stats:{owner_id}"


def refund(order_id: str, owner_id: int) -> str:
    """Name the button that refunds an order."""
    return f"v1:refund:{order_id}:{owner_id}"


def look(order_id: str, owner_id: int) -> str:
    """Name the button that shows an operator privately what can be refunded of an order."""
    return f"v1:look:{order_id}:{owner_id}"


def kept(owner_id: int) -> str:
    """Name the button that shows a message that could not be sent."""
    return f"v1:kept:{owner_id}"


def privacy(owner_id: int) -> str:
    """Name the button that shows what is kept, privately."""
    return f"v1:privacy:{owner_id}"


def data(owner_id: int) -> str:
    """Name the button that sends what is kept as a file."""
    return f"v1:data:{owner_id}"


def forget(owner_id: int) -> str:
    """Name the button that asks whether somebody really wants to be forgotten."""
    return f"v1:forget:{owner_id}"


def forget_surely(owner_id: int) -> str:
    """Name the button that plans it."""
    return f"v1:forget_surely:{owner_id}"


def remember(owner_id: int) -> str:
    """Name the button that calls it off."""
    return f"v1:remember:{owner_id}"


def notify(owner_id: int) -> str:
    """Name the button that shows what somebody chose about messages, privately."""
    return f"v1:notify:{owner_id}"


def toggle(what: str, owner_id: int) -> str:
    """Name the button that turns a kind or a way of messages on or off."""
    return f"v1:toggle:{what}:{owner_id}"


def enter(what: str, owner_id: int) -> str:
    """Name the button that opens a form: quiet hours, an address, a code."""
    return f"v1:enter:{what}:{owner_id}"


def recipient(what: str, number: int, owner_id: int) -> str:
    """Name the button that does something with one recipient: show, test, rotate, enable, remove."""
    return f"v1:recipient:{what}:{number}:{owner_id}"


def kinds(number: int, owner_id: int) -> str:
    """Name the menu of the events that a recipient hears of."""
    return f"v1:kinds:{number}:{owner_id}"


def replay(number: int, owner_id: int) -> str:
    """Name the menu of the messages that can be sent to a recipient once more."""
    return f"v1:replay:{number}:{owner_id}"


def paid_ask(metric: str, units: int, owner_id: int) -> str:
    """Name the button that asks privately whether paid units may be used."""
    return f"v1:paid_ask:{metric}:{units}:{owner_id}"


def paid_use(metric: str, owner_id: int) -> str:
    """Name the button that agrees to use paid units of a metric."""
    return f"v1:paid_use:{metric}:{owner_id}"
