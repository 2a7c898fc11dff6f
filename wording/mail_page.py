"""How an e-mail looks: one column that every reader draws, and the same as text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape

_FULL, _NEARLY = 100, 75
_GOOD, _WARNING, _BAD = "#2e9e5b", "#e8a317", "#d83c3e"
_BODY = "margin:0;padding:24px 12px;background:#f2f3f5;color:#1f2328;"
_FONT = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;"
_CARD = "max-width:560px;margin:0 auto;background:#ffffff;border:1px solid #e1e4e8;border-radius:12px;"
_BUTTON = (
    "display:inline-block;padding:12px 22px;border-radius:8px;background:#5865f2;color:#ffffff;"
    "text-decoration:none;font-weight:600;"
)


@dataclass(frozen=True, slots=True)
class Action:
    """Where to go next."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What an e-mail says; `percent` draws a bar of what is used."""

    language: str
    title: str
    paragraphs: tuple[str, ...]
    percent: int | None = None
    listed_title: str = ""
    listed: tuple[str, ...] = ()
    action: Action | None = None
    footer: str = ""

    def with_first(self, paragraph: str) -> Page:
        """Return the page with a paragraph before the others."""
        return replace(self, paragraphs=(paragraph, *self.paragraphs))

    def text(self) -> str:
        """Return it as text."""
        parts = [self.title, *self.paragraphs]
        if self.listed:
            parts.append("\n".join([self.listed_title, *(f"- {one}" for one in self.listed)]))
        if self.action is not None:
            parts.append(f"{self.action.label}\n{self.action.url}")  # no colon: French sets it apart
        if self.footer:
            parts.append(f"-- \n{self.footer}")
        return "\n\n".join(part for part in parts if part) + "\n"

    def html(self) -> str:
        """Return it as HTML, without anything that is loaded from elsewhere."""
        parts = [f'<h1 style="margin:0 0 16px;font-size:22px;line-height:1.3;">{escape(self.title)}</h1>']
        if self.percent is not None:
            parts.append(_bar(self.percent))
        parts += [
            f'<p style="margin:0 0 12px;font-size:16px;line-height:1.5;">{escape(one)}</p>'
            for one in self.paragraphs
        ]
        if self.listed:
            rows = "".join(f'<li style="margin:0 0 6px;">{escape(one)}</li>' for one in self.listed)
            parts.append(f'<p style="margin:16px 0 8px;font-weight:600;">{escape(self.listed_title)}</p>')
            parts.append(f'<ul style="margin:0 0 16px;padding-left:20px;line-height:1.5;">{rows}</ul>')
        if self.action is not None:
            url, label = escape(self.action.url), escape(self.action.label)
            parts.append(f'<p style="margin:20px 0 4px;"><a href="{url}" style="{_BUTTON}">{label}</a></p>')
        foot = f'<p style="margin:0;font-size:13px;color:#57606a;">{escape(self.footer)}</p>'
        return (
            f'<!doctype html><html lang="{self.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(self.title)}</title></head>"
            f'<body style="{_BODY}{_FONT}"><div style="{_CARD}">'
            f'<div style="padding:28px;">{"".join(parts)}</div>'
            f'<div style="padding:16px 28px;border-top:1px solid #e1e4e8;">{foot}</div>'
            "</div></body></html>"
        )


def _bar(percent: int) -> str:
    """Draw what is used; the text beside it says the same to who cannot see it."""
    colour = _BAD if percent >= _FULL else _WARNING if percent >= _NEARLY else _GOOD
    return (
        '<div role="presentation" style="height:12px;margin:0 0 16px;border-radius:6px;background:#e1e4e8;">'
        f'<div style="width:{percent}%;height:12px;border-radius:6px;background:{colour};"></div></div>'
    )
