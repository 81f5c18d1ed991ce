"""Every setting, read once from environment variables ``LEAD_EVENTS_*``; the reference page is made from this module.

Only ``app`` and ``cli`` may read settings; everything below them receives values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from lead_events.domain.errors import Misconfigured

PREFIX = "LEAD_EVENTS_"

_PASSED_ON = ("LEAD_EVENTS_TEST_",)
"""Prefixes of variables that are not settings of the service."""

Months = Annotated[int, Field(ge=0, le=600)]
Seconds = Annotated[float, Field(gt=0, le=3_600)]


class InvalidSettings(Misconfigured):
    """These settings cannot be used: {0}."""


class Settings(BaseModel):
    """All settings with their defaults; frozen, so that nothing changes under a running service."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: str = Field(
        "sqlite:///var/lead-events.db",
        description="Where everything is stored: `sqlite:///file` or `postgresql+psycopg://user:password@host/name`.",
    )
    master_key: SecretStr | None = Field(
        None,
        description="The key that wraps all data keys: 32 bytes as 64 hex digits or base64. Wins over the file. During a "
        "rotation the new key, a space, and the old one.",
    )
    master_key_file: str | None = Field(
        None,
        description="A file that holds the master key, or during a rotation two, the new one first. With SQLite the "
        "default is a file beside the database, ending in `.key`, made with mode 0600 when the log is founded; with "
        "PostgreSQL there is no default.",
    )
    erasure_ledger: str | None = Field(
        None,
        description="A file outside the database that remembers erasures, so that a restored backup brings nobody back. "
        "The default is a file ending in `.erasures` beside the SQLite database or the master key file.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65_535, description="The port to listen on; 0 takes a free one.")
    public_url: str | None = Field(
        None, description="How clients reach this service, such as `https://events.shop.example`; used in texts only."
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=16,
        description="How many reverse proxies of your own stand in front and append to `X-Forwarded-For`.",
    )
    phone_region: str | None = Field(
        None,
        pattern=r"^[A-Z]{2}$",
        description="The country (ISO 3166, such as `RU`) of phone numbers that are written without a country code.",
    )
    privacy_signals: Literal["ignore", "anonymous", "drop"] = Field(
        "anonymous",
        description="What to do with behaviour that comes with `Sec-GPC: 1` or `DNT: 1`: keep it as any other, keep it "
        "without anything that says whose it is, or keep nothing and answer `dropped`.",
    )
    key_rate: float = Field(10_000, ge=0, description="Events per second that one key may send, on average; 0 means no limit.")
    key_burst: float = Field(50_000, ge=1, description="Events that one key may send at once.")
    address_rate: float = Field(
        1_000, ge=0, description="Events per second that one address may send with write keys; 0 means no limit."
    )
    address_burst: float = Field(5_000, ge=1, description="Events that one address may send with write keys at once.")
    queue_events: int = Field(
        20_000, ge=500, le=1_000_000, description="Events that may wait for their commit; more are answered with 503."
    )
    page_events: int = Field(2_000, ge=1, le=100_000, description="Events that the projector folds in one step at most.")
    request_seconds: Seconds = Field(
        10, description="Seconds in which a request must have arrived whole; then its connection is closed."
    )
    shutdown_seconds: float = Field(20, ge=1, le=600, description="Seconds in which requests under way may finish after SIGTERM.")
    retention: Literal["off", "on"] = Field(
        "off", description="Whether a worker forgets, once a day, whoever has been kept beyond the periods below."
    )
    retention_visitor_months: Months = Field(
        13, description="Months after the last event for which somebody unknown is kept; 0 means for ever."
    )
    retention_unqualified_months: Months = Field(
        24, description="Months after the last event for which somebody known is kept who never qualified; 0 means for ever."
    )
    retention_prospect_months: Months = Field(
        36, description="Months after the last contact for which somebody is kept who once qualified; 0 means for ever."
    )
    retention_access_months: Months = Field(24, description="Months for which it is kept who read whose data; 0 means for ever.")
    retention_quarantine_days: int = Field(
        30, ge=0, le=3_650, description="Days for which events stay in quarantine; 0 means for ever."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important log lines that are written."
    )

    @field_validator("database_url")
    @classmethod
    def _is_supported(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
            message = "write sqlite:///file or postgresql+psycopg://…"
            raise ValueError(message)
        return url


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables; an empty variable counts as absent.

    Raises:
        InvalidSettings: names the variables and what is wrong with them, never their values.
    """
    given = {name: environment.get(variable(name)) for name in Settings.model_fields}
    try:
        return Settings.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        wrong = (f"{variable(str(part['loc'][0]))}: {part['msg']}" for part in error.errors(include_input=False))
        raise InvalidSettings("; ".join(wrong)) from None


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def find_unknown(environment: Mapping[str, str]) -> list[str]:
    """Return variables that look like settings and are none: spelling mistakes, mostly."""
    known = {variable(name) for name in Settings.model_fields}
    return sorted(
        name for name in environment if name.startswith(PREFIX) and name not in known and not name.startswith(_PASSED_ON)
    )
