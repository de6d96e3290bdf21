"""The administrators' page: before a stand-in for the cloud's administration."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from hush_service.packaged import page_folder, page_headers
from hush_service.web.page import load_page
from local.wire import Request, Response, Wire, wire_to
from tests.administration import Administration
from tests.sign_in import SignIn
from tests.ui.conftest import THEMES, new_context
from tests.ui.test_accessibility import AXE, FOUND
from tests.ui.test_looks import FOLDER

WIDTHS = (360, 820, 1440)
SECTIONS = ("Fleet", "People", "Keys", "Costs", "Audit")


@pytest.fixture
def administration() -> Administration:
    return Administration(SignIn(tier="unlimited", login="hubot"))


@pytest.fixture
def wire(built_page: None, administration: Administration) -> Iterator[Wire]:
    """The way to the stand-in, and to the page's files."""
    folder = page_folder()
    assert folder
    files = load_page(folder, page_headers())

    def answer(request: Request) -> Response | None:
        path = urlsplit(request.path).path
        file = files.get("/admin.html" if path == "/admin" else path)
        if file is None:
            return administration.answer(request)
        return Response(200, dict(file.headers), file.body)

    with wire_to("http://127.0.0.1:9") as wire:
        wire.answer_instead = answer
        yield wire


@pytest.fixture
def page(browser: Browser, wire: Wire) -> Iterator[Page]:
    """The page, opened by nobody in particular. In the end, nothing was wrong with it."""
    context = new_context(browser, locale="en-GB", viewport={"width": 1440, "height": 900})
    problems: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if "CSP" in said.text else None)
    page.goto(f"{wire.url}admin")
    yield page
    context.close()
    assert problems == []


def sign_in(page: Page) -> None:
    page.get_by_role("link", name="Sign in with GitHub").click()
    expect(page.get_by_role("navigation", name="Sections")).to_be_visible()


def confirm(page: Page, button: str, name: str) -> None:
    """Type a name that is not the right one, then the one that is."""
    dialog = page.locator(".confirm-dialog")
    field = dialog.get_by_label(re.compile("^Type"))
    expect(field).to_be_focused()
    act = dialog.get_by_role("button", name=button, exact=True)
    field.fill("anything else")
    expect(act).to_be_disabled()
    field.fill(name)
    field.press("Enter")
    expect(dialog).to_have_count(0)


def test_everybody_can_use_it_at_every_width_and_in_both_themes(
    page: Page, administration: Administration
) -> None:
    administration.people = administration.keys = 6
    sign_in(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    FOLDER.mkdir(parents=True, exist_ok=True)

    def look(name: str) -> None:
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            assert page.evaluate(FOUND) == [], (name, theme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                page.screenshot(path=FOLDER / f"{theme}-{width}-admin-{name}.png")

    for section in SECTIONS:
        link = page.get_by_role("link", name=section, exact=True)
        link.focus()
        page.keyboard.press("Enter")
        expect(link).to_have_attribute("aria-current", "page")
        expect(page).to_have_title(f"{section} · hush")
        assert page.url.endswith(f"#{section.lower()}")
        if section == "Fleet":
            expect(page.locator(".u-over")).to_have_count(6)
            expect(page.get_by_label(re.compile("Requests: .* at most"))).to_be_visible()
            page.get_by_text("As a table").first.click()
            expect(page.get_by_role("region", name="Requests, as a table")).to_be_visible()
            page.get_by_text("As a table").first.click()
            expect(page.get_by_role("region", name="Last lines of")).to_contain_text("FAILED")
            runbook = page.get_by_role("link", name="What to do about interruptions")
            expect(runbook).to_have_attribute("href", "./operations.html#interruptions")
        else:
            expect(page.get_by_text("Asking…")).to_have_count(0)
        look(section.lower())
    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_role("button", name="mona", exact=True).click()
    expect(page.get_by_role("dialog", name="mona")).to_contain_text("organisation friends")
    look("person")
    page.get_by_role("button", name="Block…").click()
    look("confirm")


def test_every_act_is_asked_for_and_what_can_be_is_undone(
    page: Page, administration: Administration
) -> None:
    sign_in(page)
    acts = administration.acts

    def done(*expected: tuple[str, str, object]) -> None:
        for act in expected:
            assert acts.pop(0) == act
        assert acts == []

    page.get_by_label("Instances at most").fill("6")
    expect(page.get_by_text("Up to 3.16 $ an hour with 6 instances.")).to_be_visible()
    page.get_by_role("button", name="Set").click()
    expect(page.get_by_text("At most 6 instances from now on.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Let sleep")).to_be_enabled()
    page.get_by_role("button", name="Let sleep").click()
    confirm(page, "Let sleep", "sleep")
    done(
        ("POST", "fleet/maximum", {"instances": 6}),
        ("POST", "fleet/maximum", {"instances": 4}),
        ("POST", "fleet/sleep", {}),
    )
    page.get_by_label("For how long").select_option("8 h")
    expect(page.get_by_text("4.21 $ for 8 h")).to_be_visible()
    page.get_by_role("button", name="Keep awake").click()
    expect(page.get_by_text("It is kept awake until")).to_be_visible()
    ((_, path, body),) = acts
    assert path == "fleet/awake"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["until"])
    acts.clear()

    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("button", name="somebody-50")).to_be_visible()
    page.get_by_label("Search by name").fill("mona")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="mona", exact=True).click()
    page.get_by_role("button", name="Block…").click()
    confirm(page, "Block", "mona")
    page.get_by_role("button", name="Undo").click()
    page.get_by_label("Requests").fill("10")
    page.get_by_label("Minutes of speech").fill("1.5")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("mona has own limits.")).to_be_visible()
    page.get_by_role("button", name="As their tier").click()
    page.get_by_role("button", name="Revoke all…").click()
    confirm(page, "Revoke all", "mona")
    page.get_by_role("button", name="Revoke laptop").click()
    confirm(page, "Revoke", "laptop")
    done(
        ("POST", "people/1001/block", {}),
        ("POST", "people/1001/unblock", {}),
        ("PUT", "people/1001/limits", {"requests": 10, "seconds": 90}),
        ("PUT", "people/1001/limits", None),
        ("POST", "people/1001/revoke", {}),
        ("DELETE", f"people/1000/keys/{0:016x}", None),
    )
    page.get_by_role("link", name="in the audit").click()
    expect(page.get_by_label("Person")).to_have_value("mona")
    expect(page.get_by_role("row", name="person-limited")).to_contain_text("hubot")

    administration.stopped = True
    page.get_by_role("link", name="Costs", exact=True).click()
    page.get_by_role("button", name="Lift…").click()
    confirm(page, "Lift", "lift")
    done(("POST", "costs/lift", {}))
    page.get_by_role("link", name="Fleet", exact=True).click()
    expect(page.get_by_text("Nothing starts: it was stopped by the fleet budget.")).to_be_visible()
    expect(page.get_by_role("button", name="Keep awake")).to_be_disabled()


def test_it_says_what_is_wrong_and_what_to_do(page: Page, administration: Administration) -> None:
    expect(page.get_by_text("Sign in as an administrator")).to_be_visible()
    administration.sign_in.tier = "person"
    page.get_by_role("link", name="Sign in with GitHub").click()
    expect(page.get_by_text("You are not an administrator of this installation.")).to_be_visible()
    administration.sign_in.tier = "unlimited"
    administration.unknown = {"traffic", "alarms", "deployments", "charts"}
    page.goto(f"{page.url}#people/nobody-at-all")
    page.reload()
    expect(page.get_by_text("None is called “nobody-at-all”.")).to_be_visible()
    page.get_by_role("link", name="Fleet", exact=True).click()
    expect(page.get_by_text("AWS is asked too often just now.")).to_have_count(3)
    expect(page.get_by_text("Traffic is not known now: AWS does not tell it now.")).to_be_visible()
    expect(page.get_by_role("table", name="Instances")).to_be_visible()
    for status, said, message in (
        (429, "There were too many questions. Ask again in 7 s.", "too many"),
        (
            503,
            "The administration is not available now; try again.",
            "the administration is not available now; try again",
        ),
    ):
        administration.refused = (status, message)
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.get_by_role("alert").first).to_contain_text(said)
        expect(page.get_by_role("alert").first).to_contain_text("What you see is of")
        expect(page.get_by_role("table", name="Instances")).to_be_visible()
    administration.refused = None
    page.get_by_role("button", name="Ask now").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_role("alert").first).to_contain_text("The service cannot be reached.")
    page.context.set_offline(False)
    expect(page.get_by_role("alert")).to_have_count(0)
    administration.sign_in.sessions.clear()
    page.get_by_role("link", name="Keys", exact=True).click()
    expect(page.get_by_text("Your session has ended: sign in again to go on.")).to_be_visible()
    sign_in(page)
    expect(page.get_by_role("table", name="Keys")).to_be_visible()
