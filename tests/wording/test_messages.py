"""Both languages are complete, and the code and the catalogues of messages agree with each other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from wording.words import messages

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "wording").glob("*.py"), *(ROOT / "cogs").rglob("*.py")])
ENGLISH, FRENCH = messages("en"), messages("fr")


def _placeholders(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}


def _calls() -> Iterator[tuple[Path, ast.Call]]:
    """Yield every call of something named `words` in the code."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                if name.endswith("words"):
                    yield path, node


def _patterns(node: ast.AST) -> Iterator[str]:
    """Yield the texts that an expression can have, as patterns: what stands in braces can be anything."""
    match node:
        case ast.Constant(value=str() as text):
            yield re.escape(text)
        case ast.JoinedStr(values=values):
            yield "".join(
                re.escape(str(value.value)) if isinstance(value, ast.Constant) else "[a-z0-9_.]+"
                for value in values
            )
        case ast.IfExp(body=body, orelse=otherwise):
            yield from _patterns(body)
            yield from _patterns(otherwise)


def test_both_languages_have_the_same_messages() -> None:
    """A key of one language exists in the other."""
    assert set(ENGLISH) == set(FRENCH)


def test_both_languages_tell_the_same_facts() -> None:
    """A message has the same placeholders in both languages, plain names all of them."""
    facts = {key: (_placeholders(ENGLISH[key]), _placeholders(FRENCH[key])) for key in ENGLISH}

    assert {key: pair for key, pair in facts.items() if pair[0] != pair[1]} == {}
    assert all(name.isidentifier() for pair in facts.values() for name in pair[0])


def test_no_message_is_empty_or_left_in_the_other_language() -> None:
    """Sentences differ between the languages; only short labels may be alike."""
    alike = {
        key
        for key, text in ENGLISH.items()
        if text == FRENCH[key] and re.search(r"[A-Za-z]{4,}", _bare(text))
    }

    assert alike == {"argument.question"}
    assert all(text.strip() for text in (*ENGLISH.values(), *FRENCH.values()))


def test_every_key_that_the_code_uses_exists() -> None:
    """A key in the code, or the pattern that an f-string stands for, has a message."""
    missing = {
        (path.name, pattern)
        for path, call in _calls()
        for pattern in _patterns(call.args[0])
        if not any(re.fullmatch(pattern, key) for key in ENGLISH)
    }

    assert missing == set()


def test_every_key_is_used() -> None:
    """No message is left that nothing says."""
    patterns = {
        pattern
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for pattern in _patterns(node)
        # Not the pattern of an f-string such as f"{a}.{b}", which would match every key.
        if pattern[:1].isalpha() and re.match(r"[a-z_]+\\\.", pattern)
    }

    assert {key for key in ENGLISH if not any(re.fullmatch(pattern, key) for pattern in patterns)} == set()


def test_calls_give_exactly_the_facts_of_their_message() -> None:
    """Where the key stands in the code, the facts beside it are those of the message."""
    wrong = {
        (path.name, key)
        for path, call in _calls()
        if not any(keyword.arg is None for keyword in call.keywords)
        if not any(isinstance(part, ast.JoinedStr) for part in ast.walk(call.args[0]))
        for pattern in _patterns(call.args[0])
        for key in ENGLISH
        if re.fullmatch(pattern, key)
        if _placeholders(ENGLISH[key]) != {keyword.arg for keyword in call.keywords}
    }

    assert wrong == set()


def test_french_blanks_do_not_break() -> None:
    """No line of French begins with a punctuation mark, and prefixes of commands keep their plain blank."""
    assert not [key for key, text in FRENCH.items() if re.search(r" [!?;:»](?:\W|$)|« ", text)]
    assert FRENCH["low.title"].endswith("épuisé\u00a0!")


def _bare(message: str) -> str:
    """Return a message without its facts, its commands and its code."""
    return re.sub(r"\{\w+\}|`[^`]*`|https?://\S+", "", message)
