"""Every environment variable we read, in one place. Nothing else touches the environment."""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 - pydantic reads it at run time
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Region = Literal["global", "china"]
ProviderName = Literal["official", "sandbox"]

BASE_URLS: dict[Region, str] = {
    "global": "https://api-singapore.klingai.com",
    "china": "https://api-beijing.klingai.com",
}
"""Contract: video.md section 2."""

MAX_WAIT_SECONDS = 55.0
"""No host lets a call block longer than this for certain (mcp-notes section 2.1)."""


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


class Settings(BaseSettings):
    """The configuration of one server process. Field docstrings become the README's table."""

    model_config = SettingsConfigDict(
        env_prefix="KLING_", env_ignore_empty=True, frozen=True, use_attribute_docstrings=True, extra="ignore"
    )

    api_key: SecretStr | None = None
    """API key from https://kling.ai/dev/api-key. Works with every model."""
    access_key: SecretStr | None = None
    """Access key, if you have an AK/SK pair instead of an API key. Cannot run Kling 3.0 Turbo."""
    secret_key: SecretStr | None = None
    """Secret key that belongs to the access key."""
    provider: ProviderName = "official"
    """Who runs the jobs. `sandbox` is a pretend Kling inside the server: free, every result a sample."""
    region: Region = "global"
    """`global` or `china`: which of Kling's two hosts the key belongs to."""
    base_url: str | None = None
    """Another host than the region's. https, or http on loopback."""
    output_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_videos_dir()) / "Kling")
    """Where finished files go. Default: `Kling/` in your videos folder."""
    database_url: str | None = None
    """The ledger of paid jobs, `sqlite:///path`. Default: `ledger.db` in the platform's state folder."""
    max_units_per_job: Decimal | None = Field(default=None, ge=0)
    """A request that costs more units is refused. Default: no limit."""
    max_units_per_day: Decimal | None = Field(default=None, ge=0)
    """Units of all packs that may be spent in one day (UTC), over all processes on one ledger. Default: no limit."""
    confirm_above_units: Decimal | None = Field(default=None, ge=0)
    """A request that costs more units needs a person's approval first. Default: none does."""
    retention_days: int | None = Field(default=None, ge=30)
    """Jobs finished longer ago are forgotten if their files are on disk; the files stay. Default: all are kept."""
    wait_seconds: float = Field(default=25.0, ge=0, le=MAX_WAIT_SECONDS)
    """How long a tool waits for its job before it returns the handle, if the call does not say. 0 to 55."""
    toolsets: Annotated[list[str], NoDecode] = []
    """Comma list of toolsets to show (`video`, `account`, `jobs`, … or `all`). Default: the starred tools."""
    tools: Annotated[list[str], NoDecode] = []
    """Comma list of further tools to show."""
    exclude_tools: Annotated[list[str], NoDecode] = []
    """Comma list of tools to hide."""
    read_only: bool = False
    """Hide every tool that can spend units or change anything."""
    http_token: SecretStr | None = None
    """Bearer token for `kling-mcp http`; required to listen on anything but loopback. Use 32 random characters."""
    public_url: str | None = None
    """Where others reach `kling-mcp http`, if it has a name of its own (https://kling.example.org)."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    """How much goes to standard error. Secrets are redacted at every level."""

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, url: str | None) -> str | None:
        if url is not None and "://" in url and not url.startswith("sqlite:///"):
            raise ValueError("must be sqlite:/// and the path of a file")
        return url

    _split = field_validator("toolsets", "tools", "exclude_tools", mode="before")(_words)

    @property
    def ledger_path(self) -> Path:
        """The SQLite file of the ledger."""
        if self.database_url is None:
            return Path(platformdirs.user_state_dir("kling-mcp")) / "ledger.db"
        return Path(self.database_url.removeprefix("sqlite:///"))

    @property
    def kling_url(self) -> str:
        """The API base URL in force, without a trailing slash."""
        return (self.base_url or BASE_URLS[self.region]).rstrip("/")
