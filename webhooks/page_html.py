"""The one page that buyers see of us: self-contained HTML, no script, safe to open anywhere."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape

from aiohttp import web

_STYLE = """
:root { color-scheme: light dark; --ground: #f2f3f5; --card: #fff; --text: #1e1f22; --quiet: #5c5f66;
  --mark: #4752c4 }
@media (prefers-color-scheme: dark) {
  :root { --ground: #1e1f22; --card: #2b2d31; --text: #f2f3f5; --quiet: #b5bac1; --mark: #949cf7 }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 28rem; padding: 2.5rem 2rem; border-radius: 1rem; background: var(--card);
  text-align: center; box-shadow: 0 1px 8px rgb(0 0 0 / 12%) }
.sign { font-size: 3rem; line-height: 1 }
h1 { margin: 1rem 0 .5rem; font-size: 1.4rem }
p { margin: .5rem 0 }
small { display: block; margin-top: 1.5rem; color: var(--quiet); overflow-wrap: anywhere }
a { display: inline-block; margin-top: 1.25rem; padding: .6rem 1.4rem; border-radius: .5rem; color: var(--mark);
  border: 1px solid currentcolor; text-decoration: none; font-weight: 600 }
"""


def policy_for(style: str) -> dict[str, str]:
    """Return the headers of a page that may use this style and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        ),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }


HEADERS = policy_for(_STYLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    What one page says; every text is plain and is escaped here.

    `refresh_seconds` makes the browser ask again at `address`, None when nothing can change any more.
    """

    language: str
    sign: str
    title: str
    lines: tuple[str, ...]
    reference: str = ""
    link: tuple[str, str] | None = None
    refresh_seconds: int | None = None
    address: str = ""
    status: int = 200


def response(page: Page) -> web.Response:
    """Return the page as an answer that no cache keeps and no other page frames."""
    # The address is spelled out: a browser that came here by a redirect keeps the #fragment it had before, and
    # going to the same address with the same fragment loads nothing.
    refresh = (
        ""
        if page.refresh_seconds is None
        else f'<meta http-equiv="refresh" content="{page.refresh_seconds};url={escape(page.address)}">'
    )
    lines = "".join(f"<p>{escape(line)}</p>" for line in page.lines)
    link = "" if page.link is None else f'<a href="{escape(page.link[1])}">{escape(page.link[0])}</a>'
    reference = f"<small>{escape(page.reference)}</small>" if page.reference else ""
    text = (
        f'<!doctype html><html lang="{escape(page.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{refresh}<title>{escape(page.title)}</title><style>{_STYLE}</style></head>"
        f'<body><main><div class="sign" aria-hidden="true">{escape(page.sign)}</div>'
        f"<h1>{escape(page.title)}</h1>{lines}{link}{reference}</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", status=page.status, headers=HEADERS)
