from pathlib import Path

import pytest
from pydantic import ValidationError

from hush_service.settings import ServiceSettings


def test_defaults_serve_real_weights_on_loopback() -> None:
    settings = ServiceSettings()
    assert settings.models == ("base",)
    assert (settings.host, settings.port) == ("127.0.0.1", 1337)
    assert settings.api_key is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSH_MODELS", "demo, base.en ,/models/own.pt")
    monkeypatch.setenv("HUSH_PORT", "8080")
    settings = ServiceSettings()
    assert settings.models == ("demo", "base.en", "/models/own.pt")
    assert settings.port == 8080


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_wants_no_key(host: str) -> None:
    assert ServiceSettings(host=host).api_key is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_anything_else_wants_one(host: str) -> None:
    with pytest.raises(ValidationError, match="set HUSH_API_KEY"):
        ServiceSettings(host=host)
    assert ServiceSettings(host=host, api_key="secret").host == host  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [{"models": ""}, {"port": 70_000}, {"api_key": ""}, {"device": "tpu"}, {"queue_size": -1}],
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ServiceSettings(**wrong)  # type: ignore[arg-type]


def test_every_setting_is_documented() -> None:
    documentation = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    for name in ServiceSettings.model_fields:
        assert f"`HUSH_{name.upper()}`" in documentation
