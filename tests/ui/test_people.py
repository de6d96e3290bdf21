"""A person's voice becomes words on the page, with real weights."""

import pytest
from playwright.sync_api import Page

from hush_service.packaged import recording
from tests.conftest import GERMAN
from tests.ui.conftest import ServiceWith, choose_file, words


@pytest.fixture(scope="module")
def service_url(service_with: ServiceWith) -> str:
    """The service that the page comes from."""
    return service_with("base")


def test_a_person_becomes_words(page: Page) -> None:
    choose_file(page, recording())
    words(page, "ask what you can do for your country")


def test_another_language_is_understood_as_it_is(page: Page) -> None:
    choose_file(page, GERMAN)
    words(page, "die Wahrheit zu sagen")
