"""Reading a catalog file: every problem at once, each with file, key and reason."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from quota_core.catalog import Catalog
from quota_core.catalog_advice import explained
from quota_core.errors import CatalogError
from quota_core.money import margin

CATALOG_FOLDER = Path(__file__).resolve().parent.parent / "data" / "catalogs"


def parse(text: str, *, name: str) -> Catalog:
    """
    Return the catalog written in `text`.

    Raises:
        CatalogError: with one line for each thing that is wrong, each beginning with `name`.

    """
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError([f"{name}: not TOML: {error}"]) from error
    try:
        return Catalog.model_validate(data)
    except ValidationError as error:
        problems = []
        for fact in error.errors():
            if fact["type"] != "value_error":
                problems.append(f"{name}: {explained(fact)}")
                continue
            key = ".".join(str(part) for part in fact["loc"])
            reasons = fact["msg"].removeprefix("Value error, ")
            problems += [f"{name}: {key + ': ' if key else ''}{reason}" for reason in reasons.split("; ")]
        raise CatalogError(problems) from error


def load(name_or_path: str) -> Catalog:
    """
    Return the catalog of that name under `data/catalogs`, or of that path when it ends in `.toml`.

    Raises:
        CatalogError: the file cannot be read, or is not a catalog.

    """
    path = Path(name_or_path) if name_or_path.endswith(".toml") else CATALOG_FOLDER / f"{name_or_path}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or error
        there = ", ".join(sorted(file.stem for file in CATALOG_FOLDER.glob("*.toml")))
        raise CatalogError([f"{path}: cannot be read ({why}); there are: {there}"]) from error
    return parse(text, name=path.name)


def margin_warnings(catalog: Catalog) -> list[str]:
    """Return a line for each package whose margin, after the cost of its units, is below its target."""
    warnings = []
    for package_id, package in catalog.packages.items():
        cost_minor = catalog.metrics[package.metric].cost_minor
        share = margin(package.price_minor, package.units, unit_cost_minor=cost_minor)
        if package.target_margin is not None and share < package.target_margin:
            warnings.append(
                f"packages.{package_id}: margin {share:.0%} is below its target {package.target_margin:.0%}"
            )
    return warnings
