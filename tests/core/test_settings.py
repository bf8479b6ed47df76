from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clinicflow_core.errors import SettingsError
from clinicflow_core.settings import (
    EXAMPLE_SECRET,
    SECRET_FILE,
    Environment,
    Settings,
    load_settings,
    rate_limit,
    refuse_unsafe,
    signing_secret,
)

EXAMPLE = Path(__file__).parents[2] / ".env.example"
SECRET = "s" * 32


@pytest.fixture
def dotenv(tmp_path):
    return tmp_path / ".env"


def test_everything_has_a_default(dotenv):
    settings = load_settings({}, dotenv)

    assert settings == Settings()
    assert settings.database_url == "sqlite:///clinicflow.db"
    assert settings.access_token_expire_minutes == 480
    assert settings.environment is Environment.DEVELOPMENT
    assert not settings.debug
    assert settings.cors_origins == ("http://localhost:5173", "http://localhost:3000")
    assert settings.trusted_proxies == 0
    assert not settings.metrics


def test_the_environment_wins_over_the_file(dotenv):
    dotenv.write_text("ENVIRONMENT=test\nACCESS_TOKEN_EXPIRE_MINUTES=15\n")

    settings = load_settings({"ACCESS_TOKEN_EXPIRE_MINUTES": "30"}, dotenv)

    assert settings.environment is Environment.TEST
    assert settings.access_token_expire_minutes == 30


def test_an_empty_setting_is_one_that_is_not_set(dotenv):
    dotenv.write_text("OPENAI_API_KEY=\nDATABASE_URL=\n")

    settings = load_settings({"JWT_SECRET_KEY": "", "DEBUG": " "}, dotenv)

    assert settings == Settings()


def test_the_example_names_every_setting_and_can_be_used(dotenv):
    settings = load_settings({}, EXAMPLE)

    assert settings.jwt_secret_key == EXAMPLE_SECRET
    lines = EXAMPLE.read_text().splitlines()
    named = {line.partition("=")[0].lower() for line in lines if line[:1].isupper()}
    assert named == {a.name for a in Settings.__attrs_attrs__}


@pytest.mark.parametrize("word", ["true", "True", "1", "yes", "on"])
def test_debug_is_switched_on(dotenv, word):
    assert load_settings({"DEBUG": word}, dotenv).debug


@pytest.mark.parametrize("word", ["false", "0", "no", "OFF"])
def test_debug_is_switched_off(dotenv, word):
    assert not load_settings({"DEBUG": word}, dotenv).debug


def test_origins_are_parted_by_commas(dotenv):
    origins = "https://desk.example.org, http://127.0.0.1:8080/,"

    settings = load_settings({"CORS_ORIGINS": origins}, dotenv)

    expected = ("https://desk.example.org", "http://127.0.0.1:8080")
    assert settings.cors_origins == expected


WRONG = {
    "DATABASE_URL": "mysql://root:hunter2@db/clinic",
    "JWT_SECRET_KEY": "hunter2",
    "JWT_ALGORITHM": "none-hunter2",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "0",
    "GOOGLE_REDIRECT_URI": "hunter2",
    "GOOGLE_ISSUER": "http://hunter2.example",
    "PUBLIC_URL": "hunter2",
    "ENVIRONMENT": "hunter2",
    "DEBUG": "hunter2",
    "CORS_ORIGINS": "*",
    "RATE_LIMIT": "hunter2",
    "TRUSTED_PROXIES": "11",
    "METRICS": "hunter2",
}


def test_all_that_is_wrong_is_said_at_once_and_no_value_is_told(dotenv):
    with pytest.raises(SettingsError) as refused:
        load_settings(WRONG, dotenv)

    named = [problem.partition(":")[0] for problem in refused.value.problems]
    assert named == sorted(WRONG)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("minutes", ["-1", "1.5", "ten", "10081", "9" * 30, "٣"])
def test_a_token_lasts_from_a_minute_to_a_week(dotenv, minutes):
    with pytest.raises(SettingsError, match="ACCESS_TOKEN_EXPIRE_MINUTES"):
        load_settings({"ACCESS_TOKEN_EXPIRE_MINUTES": minutes}, dotenv)


@pytest.mark.parametrize(
    "origin",
    ["*", "localhost:5173", "https://a.org/app", "https://.*", "ftp://a.org", "null"],
)
def test_an_origin_is_no_pattern(dotenv, origin):
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        load_settings({"CORS_ORIGINS": f"https://a.org,{origin}"}, dotenv)


@pytest.mark.parametrize(
    "limit",
    ["0/minute", "120", "120/fortnight", "120 per minute", "-1/hour", "1/hour;"],
)
def test_a_rate_is_a_number_in_a_time(dotenv, limit):
    with pytest.raises(SettingsError, match="RATE_LIMIT"):
        load_settings({"RATE_LIMIT": limit}, dotenv)


def test_a_link_for_patients_crosses_no_network_unsealed():
    production = {"environment": Environment.PRODUCTION, "jwt_secret_key": SECRET}

    refuse_unsafe(Settings(public_url="https://desk.example.org", **production))
    with pytest.raises(SettingsError, match="PUBLIC_URL: must be https"):
        refuse_unsafe(Settings(public_url="http://desk.example.org", **production))


@pytest.mark.parametrize(
    ("given", "environment", "limit"),
    [
        (None, Environment.PRODUCTION, "120/minute"),
        (None, Environment.DEVELOPMENT, "120/minute"),
        (None, Environment.TEST, None),
        ("5/hour", Environment.TEST, "5/hour"),
        ("off", Environment.PRODUCTION, None),
    ],
)
def test_there_is_a_rate_limit_unless_it_is_a_test_or_off(given, environment, limit):
    settings = Settings(rate_limit=given, environment=environment)

    assert rate_limit(settings) == limit


def test_a_file_that_is_no_text_is_refused(dotenv):
    dotenv.write_bytes(b"DEBUG=\xff\xfe\n")

    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings({}, dotenv)


def test_secrets_do_not_show():
    shown = repr(
        Settings(
            database_url="postgresql://u:hunter2@h/d",
            jwt_secret_key="hunter2" * 5,
            openai_api_key="hunter2",
            google_client_secret="hunter2",
        )
    )

    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("secret", "debug", "named"),
    [
        (None, False, ["JWT_SECRET_KEY"]),
        (EXAMPLE_SECRET, False, ["JWT_SECRET_KEY"]),
        (SECRET, True, ["DEBUG"]),
        (None, True, ["JWT_SECRET_KEY", "DEBUG"]),
    ],
)
def test_production_refuses_what_is_unsafe(secret, debug, named):
    settings = Settings(
        environment=Environment.PRODUCTION, jwt_secret_key=secret, debug=debug
    )

    with pytest.raises(SettingsError) as refused:
        refuse_unsafe(settings)

    assert [p.partition(":")[0] for p in refused.value.problems] == named


@pytest.mark.parametrize(
    ("origin", "is_safe"),
    [
        ("https://desk.example.org", True),
        ("http://localhost:5173", True),
        ("http://127.0.0.1", True),
        ("http://desk.example.org", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org:80", False),
    ],
)
def test_production_lets_in_front_ends_that_nobody_can_forge(origin, is_safe):
    settings = Settings(
        environment=Environment.PRODUCTION,
        jwt_secret_key=SECRET,
        cors_origins=("https://a.example.org", origin),
    )
    if is_safe:
        refuse_unsafe(settings)
        return

    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        refuse_unsafe(settings)


def test_what_production_refuses_is_told_beside_what_is_wrong(dotenv):
    given = {
        "ENVIRONMENT": "production",
        "JWT_SECRET_KEY": "hunter2",
        "DEBUG": "on",
        "CORS_ORIGINS": "http://desk.example.org",
        "METRICS": "hunter2",
    }

    with pytest.raises(SettingsError) as refused:
        load_settings(given, dotenv)

    named = [problem.partition(":")[0] for problem in refused.value.problems]
    assert named == ["JWT_SECRET_KEY", "METRICS", "DEBUG", "CORS_ORIGINS"]
    assert "hunter2" not in str(refused.value)


def test_production_takes_what_is_safe():
    refuse_unsafe(Settings(environment=Environment.PRODUCTION, jwt_secret_key=SECRET))


@pytest.mark.parametrize("environment", [Environment.DEVELOPMENT, Environment.TEST])
def test_elsewhere_nothing_is_unsafe(environment):
    refuse_unsafe(
        Settings(environment=environment, jwt_secret_key=EXAMPLE_SECRET, debug=True)
    )


def test_the_secret_that_is_set_signs(tmp_path):
    assert signing_secret(Settings(jwt_secret_key=SECRET), tmp_path) == SECRET
    assert list(tmp_path.iterdir()) == []


def test_development_makes_a_secret_and_keeps_it_for_the_owner_alone(tmp_path):
    secret = signing_secret(Settings(), tmp_path)

    assert len(secret) >= 32
    assert signing_secret(Settings(), tmp_path) == secret
    (kept,) = tmp_path.iterdir()
    assert kept.name == SECRET_FILE
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_workers_that_start_together_share_the_secret(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        secrets = set(
            pool.map(lambda _: signing_secret(Settings(), tmp_path), range(32))
        )

    assert len(secrets) == 1
    assert [path.name for path in tmp_path.iterdir()] == [SECRET_FILE]


def test_a_secret_that_cannot_be_kept_is_asked_for(tmp_path):
    for content in (b"too short", b"\xff" * 40):
        (tmp_path / SECRET_FILE).write_bytes(content)

        with pytest.raises(SettingsError, match="JWT_SECRET_KEY"):
            signing_secret(Settings(), tmp_path)

    with pytest.raises(SettingsError, match="JWT_SECRET_KEY"):
        signing_secret(Settings(), tmp_path / "nowhere")


def test_a_test_has_a_passing_secret(tmp_path):
    settings = Settings(environment=Environment.TEST)

    assert signing_secret(settings, tmp_path) != signing_secret(settings, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_production_makes_no_secret(tmp_path):
    settings = Settings(environment=Environment.PRODUCTION)

    with pytest.raises(SettingsError, match="must be set"):
        signing_secret(settings, tmp_path)
