"""The page where people have to sign in: before a stand-in for the cloud's sign-in."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.wire import Request, Response, Wire
from tests.sign_in import SignIn
from tests.ui.conftest import SAMPLE, THEMES, choose_file, new_context, until, words
from tests.ui.test_looks import FOLDER


@pytest.fixture
def sign_in(wire: Wire) -> SignIn:
    sign_in = SignIn()
    wire.answer_instead = sign_in.answer
    return sign_in


@pytest.fixture
def page(context: BrowserContext, wire: Wire, sign_in: SignIn) -> Iterator[Page]:
    """The page, opened by nobody in particular."""
    problems: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(wire.url)
    yield page
    assert problems == []


@pytest.fixture
def signed_in(page: Page) -> Page:
    """The page of somebody who has signed in."""
    page.get_by_role("link", name="Sign in with GitHub").click()
    expect(page.get_by_role("button", name="Account of octocat")).to_be_visible()
    return page


def account_of(page: Page) -> None:
    page.get_by_role("button", name="Account of octocat").click()
    expect(page.get_by_role("dialog", name="octocat")).to_be_visible()


def test_what_is_said_before_signing_in_is_sent_afterwards(
    page: Page, wire: Wire, sample_words: str
) -> None:
    expect(page.locator(".light")).to_contain_text("Sign in to send")
    choose_file(page, SAMPLE)
    expect(page.get_by_text("1 waiting")).to_be_visible()
    page.get_by_role("link", name="Sign in with GitHub").click()
    words(page, sample_words)
    expect(page.locator(".light")).to_have_attribute("data-light", "up")
    expect(page.get_by_role("region", name="Sign in")).to_have_count(0)
    refused = [request for request in wire.pictures() if not request.headers.get("cookie")]
    assert len(refused) <= 1


def test_words_come_while_somebody_speaks_who_has_signed_in(
    signed_in: Page, wire: Wire, sample_words: str
) -> None:
    signed_in.get_by_role("button", name="Start listening").click()
    expect(signed_in.locator(".grey, .firm").first).to_be_visible()
    words(signed_in, sample_words)
    sent = [request for request in wire.pictures() if b'name="interim"' in request.body]
    assert sent
    assert all(request.headers.get("cookie") for request in sent)


def test_a_session_that_ends_loses_nothing(
    signed_in: Page, context: BrowserContext, wire: Wire, sign_in: SignIn, sample_words: str
) -> None:
    sign_in.sessions.clear()
    choose_file(signed_in, SAMPLE)
    expect(signed_in.get_by_text("1 waiting")).to_be_visible()
    expect(signed_in.get_by_role("region", name="Sign in")).to_be_visible()
    until(signed_in, lambda: len(wire.pictures()) > 0)
    assert len(wire.pictures()) == 1
    other = context.new_page()
    other.goto(wire.url)
    other.get_by_role("link", name="Sign in with GitHub").click()
    words(other, sample_words)
    words(signed_in, sample_words)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("denied", "you did not allow it"),
        ("not-permitted", "This GitHub account may not use this service"),
        ("expired", "took too long"),
        ("failed", "did not work"),
        ("unavailable", "in a few minutes"),
    ],
)
def test_it_says_once_why_nobody_is_signed_in(
    page: Page, wire: Wire, sign_in: SignIn, outcome: str, said: str
) -> None:
    sign_in.outcome = outcome
    page.get_by_role("link", name="Sign in with GitHub").click()
    expect(page.get_by_role("alert")).to_contain_text(said)
    assert page.url == wire.url
    page.reload()
    expect(page.get_by_role("region", name="Sign in")).to_be_visible()
    expect(page.get_by_role("alert")).not_to_contain_text(said)


def test_a_quota_that_is_spent_is_said_and_pictures_wait(
    signed_in: Page, wire: Wire, sign_in: SignIn, sample_words: str
) -> None:
    sign_in.spent = True
    choose_file(signed_in, *[(f"{number}.flac", SAMPLE.read_bytes()) for number in (1, 2)])
    alert = signed_in.get_by_role("alert").first
    expect(alert).to_contain_text("more than today's 36000 seconds of speech")
    expect(signed_in.get_by_text("1 waiting")).to_have_count(2)
    assert len(wire.pictures()) <= 2
    sign_in.spent = False
    signed_in.reload()
    expect(signed_in.locator(".said", has_text=sample_words)).to_have_count(2)


def test_people_can_try_it_where_that_is_allowed(
    page: Page, sign_in: SignIn, sample_words: str
) -> None:
    sign_in.anonymous = True
    sign_in.limits, sign_in.usage = {"requests": 50, "seconds": 600}, {"requests": 1, "seconds": 9}
    page.reload()
    region = page.get_by_role("region", name="Sign in")
    expect(region).to_contain_text("10 min of speech a day, of which 9 s are used")
    choose_file(page, SAMPLE)
    words(page, sample_words)


def test_keys_are_made_shown_once_and_revoked(
    signed_in: Page, context: BrowserContext, sign_in: SignIn
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    account_of(signed_in)
    expect(signed_in.get_by_text("There are none yet.")).to_be_visible()
    signed_in.get_by_label("Name of a new key").fill(" laptop ")
    signed_in.get_by_label("Good for").select_option("30 days")
    signed_in.get_by_label("Name of a new key").press("Enter")
    shown = signed_in.get_by_label("Copy your new key now")
    expect(shown).to_be_visible()
    (key,) = sign_in.keys.values()
    expect(shown).to_have_value(key["secret"])
    expect(shown).to_be_focused()
    assert (key["name"], key["expires"] is None) == ("laptop", False)
    signed_in.get_by_role("button", name="Copy", exact=True).last.click()
    expect(signed_in.get_by_text("Copied")).to_be_visible()
    assert signed_in.evaluate("navigator.clipboard.readText()") == key["secret"]
    signed_in.keyboard.press("Escape")
    expect(signed_in.get_by_role("dialog")).to_have_count(0)
    account_of(signed_in)
    row = signed_in.get_by_role("listitem").filter(has_text="laptop")
    expect(row).to_contain_text(key["hint"])
    assert key["secret"] not in signed_in.content()
    signed_in.once("dialog", lambda dialog: dialog.dismiss())
    signed_in.get_by_role("button", name="Revoke laptop").click()
    assert len(sign_in.keys) == 1
    signed_in.once("dialog", lambda dialog: dialog.accept())
    signed_in.get_by_role("button", name="Revoke laptop").click()
    expect(row).to_have_count(0)
    assert not sign_in.keys


def test_what_goes_wrong_with_keys_is_said(signed_in: Page, sign_in: SignIn) -> None:
    for number in range(20):
        sign_in.new_key(f"key {number}")
    account_of(signed_in)
    signed_in.get_by_label("Name of a new key").fill("one more")
    signed_in.get_by_role("button", name="Create").click()
    expect(signed_in.get_by_role("dialog").get_by_role("alert")).to_have_text(
        "20 keys are the most: revoke one first."
    )


def test_the_account_shows_what_was_used_today(signed_in: Page, sign_in: SignIn) -> None:
    account_of(signed_in)
    dialog = signed_in.get_by_role("dialog")
    expect(dialog).to_contain_text("2 h 32 min of 10 h")
    expect(dialog).to_contain_text("128 of 2,000")
    meter = dialog.get_by_role("meter", name="Speech of today's limit")
    expect(meter).to_have_attribute("value", "0.25")
    sign_in.tier = "unlimited"
    signed_in.reload()
    account_of(signed_in)
    expect(dialog).to_contain_text("There is no limit for you.")
    administration = dialog.get_by_role("link", name="administration")
    expect(administration).to_have_attribute("href", "admin")
    expect(dialog.get_by_role("meter")).to_have_count(0)


def test_signing_out_stops_sending(signed_in: Page, sign_in: SignIn) -> None:
    account_of(signed_in)
    signed_in.get_by_role("button", name="Sign out").click()
    expect(signed_in.get_by_role("region", name="Sign in")).to_be_visible()
    expect(signed_in.get_by_role("dialog")).to_have_count(0)
    assert not sign_in.sessions


def test_signing_in_replaces_a_key_that_is_not_good(page: Page, wire: Wire) -> None:
    page.evaluate("localStorage.setItem('hush-settings', JSON.stringify({key: 'old'}))")
    page.reload()
    expect(page.locator(".light")).to_contain_text("Sign in to send")
    page.get_by_role("link", name="Sign in with GitHub").click()
    expect(page.get_by_role("button", name="Account of octocat")).to_be_visible()
    assert "authorization" not in wire.requests[-1].headers


def test_who_is_known_and_not_permitted_is_told_so(
    signed_in: Page, wire: Wire, sign_in: SignIn
) -> None:
    def forbidden(request: Request) -> Response | None:
        if request.path == "/mel":
            return Response(403, {}, b'{"error": {"message": "you left the organisation"}}')
        return sign_in.answer(request)

    wire.answer_instead = forbidden
    signed_in.reload()
    expect(signed_in.locator(".light")).to_contain_text("you left the organisation")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (820, 1180), (1440, 900)])
def test_it_fits(browser: Browser, wire: Wire, sign_in: SignIn, width: int, height: int) -> None:
    context = new_context(browser, viewport={"width": width, "height": height}, locale="en-GB")
    page = context.new_page()
    page.goto(wire.url)
    expect(page.get_by_role("region", name="Sign in")).to_be_visible()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=FOLDER / f"{theme}-{width}-sign-in.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="Sign in with GitHub").click()
    sign_in.new_key("mona-laptop", 90, "login")
    sign_in.new_key("The subtitles of the weekly meeting")
    account_of(page)
    page.get_by_label("Name of a new key").fill("laptop")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_label("Copy your new key now")).to_be_visible()
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=FOLDER / f"{theme}-{width}-account.png")
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    inside = page.get_by_role("dialog").evaluate("(dialog) => dialog.scrollWidth")
    assert inside <= box["width"]
    context.close()
