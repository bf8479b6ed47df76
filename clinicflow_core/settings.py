"""
Settings: what differs from one installation to the next.

They come from the environment and from a file `.env`; the environment wins. An
empty setting is one that is not set.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, Final

import attrs
import typed_settings
from attrs import field, frozen
from typed_settings.loaders import DictLoader, DotEnvLoader
from typed_settings.types import OptionList, SettingsDict

from clinicflow_core import wire
from clinicflow_core.accounts.google import GOOGLE
from clinicflow_core.checks import one_line, pattern, whole
from clinicflow_core.errors import InvalidError, SettingsError

MIN_SECRET = 32
"""How many characters a secret has at least: as many as the signature has bytes."""

EXAMPLE_SECRET = "change-me-in-production-at-least-32-characters"  # noqa: S105  Known.
"""The one that stands in `.env.example`, for everybody to read."""

SECRET_FILE = "clinicflow.secret"  # noqa: S105  The name of a file.
"""Where a secret is kept that nobody set."""

DEFAULT_RATE_LIMIT = "120/minute"

_ORIGIN = r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?"
_ISSUER = (
    r"(?:https://[A-Za-z0-9.-]+|http://(?:localhost|127\.0\.0\.1))"
    r"(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?"
)
_NO_ISSUER = "must be a URL as https://accounts.google.com; http only on this machine"


class Environment(Enum):
    """What the installation is for."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class SummarizerChoice(Enum):
    """What makes summaries of intake forms."""

    EXTRACTIVE = "extractive"
    OPENAI = "openai"


def _origins(_: object, __: object, origins: tuple[str, ...]) -> None:
    for origin in origins:
        if complaint := _origin.complaint(origin):
            raise ValueError(complaint)


# What is said to one's own machine crosses no network.
_is_private = re.compile(r"https://.*|http://(?:localhost|127\.0\.0\.1)(?::[0-9]+)?")
_origin = pattern(_ORIGIN, "must be origins as https://desk.example.org, with commas")


@frozen(kw_only=True)
class Settings:
    """
    All settings, by their names in small letters.

    Attributes:
        jwt_secret_key: Signs the tokens of who is signed in; see `signing_secret`.
        access_token_expire_minutes: How long a token lasts, at most a week.
        google_issuer: The OpenID provider; another than Google for trying things out.
        debug: Whether SQL statements are logged, without their values.
        cors_origins: The front ends that may call from a browser.
        summarizer: Nothing leaves the machine for the extractive one. For the other,
            the answers of patients do, without what is known to name them.
        openai_base_url: A compatible server; OpenAI's own without.
        public_url: Where patients reach the service; links to forms are made of it.
        rate_limit: How often an address may ask what needs no sign-in; see
            the function `rate_limit`.
        trusted_proxies: How many proxies stand in front and say who asks.
        metrics: Whether `/metrics` tells figures for Prometheus.
    """

    database_url: str = field(
        default="sqlite:///clinicflow.db",
        repr=False,
        validator=pattern(
            r"(?:sqlite|postgresql)(?:\+[a-z0-9]+)?:.+",
            "must be a URL as sqlite:///file.db or postgresql://user@host/name",
        ),
    )
    jwt_secret_key: str | None = field(
        default=None, repr=False, validator=one_line(1000, MIN_SECRET)
    )
    jwt_algorithm: str = field(
        default="HS256", validator=pattern("HS256", "must be HS256")
    )
    access_token_expire_minutes: int = field(
        default=480, validator=whole(1, 7 * 24 * 60)
    )
    summarizer: SummarizerChoice = SummarizerChoice.EXTRACTIVE
    openai_api_key: str | None = field(
        default=None, repr=False, validator=one_line(1000)
    )
    openai_base_url: str | None = field(
        default=None,
        validator=pattern("https?://.+", "must be a URL as https://api.openai.com/v1"),
    )
    openai_model: str = field(default="gpt-4o-mini", validator=one_line(50))
    google_client_id: str | None = field(default=None, validator=one_line(1000))
    google_client_secret: str | None = field(
        default=None, repr=False, validator=one_line(1000)
    )
    google_redirect_uri: str = field(
        default="http://localhost:5173/auth/google/callback",
        validator=pattern("https?://.+", "must be a URL"),
    )
    google_issuer: str = field(default=GOOGLE, validator=pattern(_ISSUER, _NO_ISSUER))
    public_url: str | None = field(
        default=None,
        validator=pattern(_ORIGIN, "must be as https://desk.example.org"),
    )
    environment: Environment = Environment.DEVELOPMENT
    debug: bool = False
    cors_origins: tuple[str, ...] = field(
        default=("http://localhost:5173", "http://localhost:3000"), validator=_origins
    )
    rate_limit: str | None = field(
        default=None,
        validator=pattern(
            r"[1-9][0-9]{0,5}/(?:second|minute|hour|day)|off",
            "must be as 120/minute, or off",
        ),
    )
    trusted_proxies: int = field(default=0, validator=whole(0, 10))
    metrics: bool = False


def load_settings(
    environ: Mapping[str, str] = os.environ, dotenv: Path = Path(".env")
) -> Settings:
    """
    Return the settings that *environ* and the file *dotenv* give.

    Raises:
        SettingsError: If any of them is wrong, or the file cannot be read.
    """
    given = {name: environ[name.upper()] for name in _NAMES if name.upper() in environ}
    try:
        return typed_settings.load_settings(
            Settings,
            loaders=[DotEnvLoader(prefix="", dotenv_path=dotenv), DictLoader(given)],
            processors=[_judged],
        )
    except (OSError, UnicodeDecodeError):
        raise SettingsError((f"{dotenv}: cannot be read as UTF-8 text",)) from None


def refuse_unsafe(settings: Settings) -> None:
    """
    Raises:
        SettingsError: If *settings* do not go together, or are for production and
            must not be used there.
    """
    if problems := _unsafe(settings):
        raise SettingsError(problems)


def _unsafe(settings: Settings) -> tuple[str, ...]:
    problems = []
    if settings.summarizer is SummarizerChoice.OPENAI and not settings.openai_api_key:
        problems.append("OPENAI_API_KEY: must be set for SUMMARIZER=openai")
    if settings.environment is not Environment.PRODUCTION:
        return tuple(problems)
    secret = settings.jwt_secret_key
    if secret is None:
        problems.append("JWT_SECRET_KEY: must be set in production")
    elif secret == EXAMPLE_SECRET:
        problems.append("JWT_SECRET_KEY: must not be the example in production")
    if settings.debug:
        problems.append("DEBUG: must be off in production")
    if not all(_is_private.fullmatch(origin) for origin in settings.cors_origins):
        problems.append("CORS_ORIGINS: must be https:// in production, or localhost")
    if settings.public_url and not _is_private.fullmatch(settings.public_url):
        problems.append("PUBLIC_URL: must be https:// in production, or localhost")
    return tuple(problems)


def rate_limit(settings: Settings) -> str | None:
    """
    Return how often an address may ask what needs no sign-in; None for ever so often.

    If nothing is set, there is a limit everywhere but in a test.
    """
    if settings.rate_limit is None:
        is_test = settings.environment is Environment.TEST
        return None if is_test else DEFAULT_RATE_LIMIT
    return None if settings.rate_limit == "off" else settings.rate_limit


def signing_secret(settings: Settings, folder: Path = Path()) -> str:
    """
    Return the secret that signs tokens.

    If none is set, development makes one and keeps it in *folder*, so that all
    workers share it and a restart signs nobody out; in a test it is a passing one.

    Raises:
        SettingsError: If none is set in production, or it cannot be kept.
    """
    if settings.jwt_secret_key is not None:
        return settings.jwt_secret_key
    if settings.environment is Environment.PRODUCTION:
        raise SettingsError(("JWT_SECRET_KEY: must be set in production",))
    if settings.environment is Environment.TEST:
        return secrets.token_urlsafe(48)
    return _kept_secret(folder)


def _kept_secret(folder: Path) -> str:
    path = folder / SECRET_FILE
    try:
        if not path.exists():
            # A link shows the file when it is whole, and replaces none.
            with tempfile.NamedTemporaryFile("w", dir=folder) as draft:
                draft.write(secrets.token_urlsafe(48))
                draft.flush()
                # Another worker may be faster; its secret is everybody's then.
                with suppress(FileExistsError):
                    os.link(draft.name, path)
        secret = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        secret = ""
    if len(secret) < MIN_SECRET:
        problem = f"JWT_SECRET_KEY: is not set, and none can be kept in {path}"
        raise SettingsError((problem,))
    return secret


def _whole(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _switch(text: str) -> object:
    words = {"true": True, "1": True, "yes": True, "on": True}
    words |= {"false": False, "0": False, "no": False, "off": False}
    return words.get(text.lower(), text)


def _list(text: str) -> object:
    return [item.strip().rstrip("/") for item in text.split(",") if item.strip()]


_READ: Final[Mapping[str, Callable[[str], object]]] = {
    "access_token_expire_minutes": _whole,
    "debug": _switch,
    "cors_origins": _list,
    "public_url": lambda text: text.rstrip("/"),
    "trusted_proxies": _whole,
    "metrics": _switch,
}
_NAMES: Final = tuple(a.name for a in attrs.fields(Settings))


def _judged(
    settings_dict: SettingsDict, settings_cls: type, options: OptionList
) -> SettingsDict:
    """Return what was given as the settings hold it; complain of all at once."""
    texts = {name: v.strip() for name, v in settings_dict.items() if isinstance(v, str)}
    data = {name: _READ.get(name, str)(text) for name, text in texts.items() if text}
    try:
        settings: Any = wire.structure(data, settings_cls)
    except InvalidError as error:
        wrong = {p.pointer.split("/")[1]: p.detail for p in error.problems}
        problems = [f"{name.upper()}: {detail}" for name, detail in wrong.items()]
        # What else would be refused later is told now; the rest is sound by itself.
        rest = {name: value for name, value in data.items() if name not in wrong}
        problems += [
            problem
            for problem in _unsafe(wire.structure(rest, settings_cls))
            if problem.partition(":")[0].lower() not in wrong
        ]
        raise SettingsError(tuple(problems)) from None
    return {option.path: getattr(settings, option.path) for option in options}
