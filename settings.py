"""
Every setting, from the environment or `.env`: one frozen object, checked as a whole.

`docs/settings.md` describes each; a test keeps that complete. Secrets never appear in a `repr`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

MAX_GRANT_UNITS = 1_000_000_000
MIN_SECRET_CHARACTERS = 32
MIN_TOKEN_CHARACTERS = 16
MIN_PASSWORD_CHARACTERS = 8  # a shorter one would take ordinary words out of the log
_SQLITE = "sqlite:///"


class SettingsError(Exception):
    """Settings that cannot be used; `problems` names each with what to do."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def _split(value: object) -> object:
    """Turn a comma-separated text into its parts."""
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise ValueError("must be a whole address such as https://example.org")
    return value


def _https(value: str) -> str:
    # Buyers type card data behind this address; plain http is for this machine alone.
    parts = urlsplit(_url(value))
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError("must begin with https:// (http is for this machine alone)")
    return value.rstrip("/")


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text != text.strip() or not text.isprintable() or " " in text:
        raise ValueError("has a blank or a line break in it; copy it again")
    return value


def _secret_key(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_SECRET_CHARACTERS:
        raise ValueError(f"has fewer than {MIN_SECRET_CHARACTERS} characters; leave it out, and one is made")
    return value


def _metrics_token(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < MIN_TOKEN_CHARACTERS:
        raise ValueError(f"has fewer than {MIN_TOKEN_CHARACTERS} characters")
    return value


def _stripe_key(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("sk_test_", "sk_live_", "rk_test_", "rk_live_")):
        raise ValueError("begins with sk_test_, sk_live_, rk_test_ or rk_live_")
    return value


def _signing_secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith("whsec_"):
        raise ValueError("begins with whsec_")
    return value


def _database(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text.startswith(_SQLITE) and text != _SQLITE:
        return value
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise ValueError("must be sqlite:///path/to/file.db or postgresql://user:password@host:port/name")
    return value


def _locale(value: str) -> str:
    try:
        Locale.parse(value, sep="-")
    except (UnknownLocaleError, ValueError) as error:
        raise ValueError("must be a language such as en-US or fr") from error
    return value


Secret = Annotated[SecretStr, AfterValidator(_secret)]
SecretKey = Annotated[Secret, AfterValidator(_secret_key)]
MetricsToken = Annotated[Secret, AfterValidator(_metrics_token)]
StripeKey = Annotated[Secret, AfterValidator(_stripe_key)]
SigningSecret = Annotated[Secret, AfterValidator(_signing_secret)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
Maybe = BeforeValidator(_blank_is_none)
Url = Annotated[str, AfterValidator(_url)]
PageUrl = Annotated[str, AfterValidator(_https)]
Ids = Annotated[tuple[Annotated[int, Field(gt=0, lt=2**63)], ...], NoDecode, BeforeValidator(_split)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """The settings; lists are comma-separated, an empty value means unset."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    discord_token: Annotated[Secret | None, Maybe] = None
    discord_api_url: Annotated[Url | None, Maybe] = None
    discord_gateway_url: Annotated[Url | None, Maybe] = None
    message_content_intent: bool = True
    operator_ids: Ids = ()
    operator_guild_ids: Ids = ()
    max_grant: Annotated[int, Field(ge=1, le=MAX_GRANT_UNITS)] = MAX_GRANT_UNITS
    secret_key: Annotated[SecretKey | None, Maybe] = None
    stripe_api_key: Annotated[StripeKey | None, Maybe] = None
    stripe_api_url: Annotated[Url | None, Maybe] = None
    stripe_webhook_secrets: Annotated[tuple[SigningSecret, ...], NoDecode, BeforeValidator(_split)] = ()
    checkout_minutes: Annotated[int, Field(ge=31, le=1439)] = 60
    stripe_catch_up_seconds: Annotated[float, Field(ge=0.2, le=86_400, allow_inf_nan=False)] = 240
    stripe_automatic_tax: bool = False
    stripe_invoices: bool = False
    stripe_terms_consent: bool = False
    database_url: Annotated[DatabaseUrl | None, Maybe] = None
    database_connections: Annotated[int, Field(ge=2, le=64)] = 8
    backup_folder: Annotated[Path | None, Maybe] = None
    backup_interval_hours: Annotated[float, Field(ge=0.01, le=8784, allow_inf_nan=False)] = 24
    backup_keep: Annotated[int, Field(ge=1, le=10_000)] = 7
    catalog: str = "quota-manager"
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[Annotated[int, Field(ge=0, le=65535)] | None, Maybe] = None
    metrics_token: Annotated[MetricsToken | None, Maybe] = None
    public_url: Annotated[PageUrl | None, Maybe] = None
    trusted_proxies: Names = ()
    default_locale: Annotated[str, AfterValidator(_locale)] = "en-US"
    ask_before_paid: bool = True
    smtp_host: Annotated[str | None, Maybe] = None
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_user: Annotated[str | None, Maybe] = None
    smtp_password: Annotated[Secret | None, Maybe] = None
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    mail_from: Annotated[str | None, Maybe] = None
    dashboard_url: Annotated[PageUrl | None, Maybe] = None
    outgoing_ports: Annotated[
        tuple[Annotated[int, Field(ge=1, le=65535)], ...], NoDecode, BeforeValidator(_split)
    ] = (443,)
    outgoing_private: bool = False
    extra_cogs: Names = ()
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    sentry_dsn: Annotated[Secret | None, Maybe] = None
    terms_url: Annotated[PageUrl | None, Maybe] = None
    privacy_url: Annotated[PageUrl | None, Maybe] = None
    support_url: Annotated[PageUrl | None, Maybe] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values given in code, then the environment, then `.env`; no other source."""
        del settings_cls, file_secret_settings
        return init_settings, env_settings, dotenv_settings

    @property
    def message_channels(self) -> tuple[str, ...]:
        """The channels, beside direct messages, by which something can be sent."""
        return ("channel", "slack", "webhook", *(("email",) if self.smtp_host else ()))

    @property
    def postgres_url(self) -> str | None:
        """The address of the PostgreSQL database, with its password; None: the ledger is an SQLite file."""
        text = "" if self.database_url is None else self.database_url.get_secret_value()
        return text if text and not text.startswith(_SQLITE) else None

    def database_path(self, data: Path) -> Path:
        """
        Return the SQLite file: DATABASE_URL, or `quota.db` among the run-time files.

        Raises:
            SettingsError: there is none, since the ledger is on PostgreSQL.

        """
        if self.postgres_url is not None:
            raise SettingsError(["DATABASE_URL: names PostgreSQL, and this works on an SQLite file"])
        if self.database_url is None:
            return data / "quota.db"
        return Path(self.database_url.get_secret_value().removeprefix(_SQLITE))


def load(
    values: Mapping[str, Any] | None = None, *, need_discord: bool, data: Path | None = None
) -> Settings:
    """
    Return the settings, with `values` before the environment.

    Args:
        values: what was given on the command line.
        need_discord: whether a token must be there.
        data: the folder of run-time files, whose own `.env` comes before the one in the current folder.

    Raises:
        SettingsError: with every missing or bad setting at once.

    """
    given = dict(values or {})
    if data is not None:
        given["_env_file"] = (".env", data / ".env")
    problems: list[str] = []
    try:
        settings = Settings(**given)
    except ValidationError as error:
        bad = {str(fact["loc"][0]) for fact in error.errors()}
        for fact in error.errors():
            name = ".".join(str(part) for part in fact["loc"][:1]).upper()
            problems.append(f"{name}: {fact['msg'].removeprefix('Value error, ')}")
        # What is bad is set aside, so that what else is missing can be named in the same breath.
        aside = {name: Settings.model_fields[name].get_default() for name in bad}
        settings = Settings(**(given | aside))
        need_discord = need_discord and "discord_token" not in bad
    if need_discord and settings.discord_token is None:
        problems.append("DISCORD_TOKEN: missing: it is the bot's token in the Discord developer portal")
    problems += _incoherences(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _incoherences(settings: Settings) -> Iterator[str]:
    if settings.stripe_api_key is not None and not settings.stripe_webhook_secrets:
        yield "STRIPE_WEBHOOK_SECRETS: missing: without it no payment is ever credited"
    if settings.smtp_host is not None and settings.mail_from is None:
        yield "MAIL_FROM: missing: SMTP_HOST sends e-mails, and they need a sender such as quota@example.org"
    if settings.stripe_terms_consent and settings.terms_url is None:
        yield "TERMS_URL: missing: STRIPE_TERMS_CONSENT asks buyers to accept what is there"
    if (settings.discord_api_url is None) != (settings.discord_gateway_url is None):
        yield "DISCORD_API_URL, DISCORD_GATEWAY_URL: set both or none"


def secrets_of(settings: Settings) -> Iterator[str]:
    """Yield every secret of the settings, and the password in the address of a database apart."""
    for name in Settings.model_fields:
        value = getattr(settings, name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, SecretStr):
                yield one.get_secret_value()
    password = "" if settings.postgres_url is None else urlsplit(settings.postgres_url).password or ""
    if len(password) >= MIN_PASSWORD_CHARACTERS:
        yield password
