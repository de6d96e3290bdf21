"""The administrators' page: before a stand-in, and before the cloud's own Lambdas."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from hush_service.packaged import page_folder, page_headers
from hush_service.web.page import load_page
from local import demo_sign_in
from local.administered import Client
from local.demo_sign_in import Aws, emulated_cloud, signing_in
from local.github import GitHub
from local.processes import free_port
from local.scripted_day import Day
from local.wire import Request, Response, Wire, wire_to
from stacks.names import Names
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
    page.goto(f"{page.url.partition('#')[0]}/../operations.html#interruptions")
    expect(page.get_by_role("heading", name="interruptions", exact=True)).to_be_in_viewport()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    look("runbook")


def test_a_stopped_fleet_is_lifted_and_links_lead_to_what_they_name(
    page: Page, administration: Administration
) -> None:
    administration.stopped = True
    sign_in(page)
    expect(page.get_by_text("Nothing starts: it was stopped by the fleet budget.")).to_be_visible()
    expect(page.get_by_role("button", name="Keep awake")).to_be_disabled()
    page.get_by_role("main").get_by_role("link", name="Costs").click()
    page.get_by_role("button", name="Lift…").click()
    confirm(page, "Lift", "lift")
    assert administration.acts == [("POST", "costs/lift", {})]
    administration.stopped = False
    page.get_by_role("link", name="Fleet", exact=True).click()
    page.get_by_label("For how long").select_option("8 h")
    expect(page.get_by_text("4.21 $ for 8 h")).to_be_visible()
    page.get_by_label("Instances at most").fill("6")
    expect(page.get_by_text("Up to 3.16 $ an hour with 6 instances.")).to_be_visible()
    page.get_by_role("link", name="Keys", exact=True).click()
    page.get_by_role("link", name="mona", exact=True).first.click()
    expect(page.get_by_label("Search by name")).to_have_value("mona")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="mona", exact=True).click()
    page.get_by_role("link", name="in the audit").click()
    expect(page.get_by_label("Person")).to_have_value("mona")
    expect(page.get_by_role("row", name="person-limited")).to_contain_text("hubot")


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


class StillDay(Day):
    """A day that stands still, and begins without a past."""

    def __init__(self, names: Names, client: Client) -> None:
        super().__init__(names, client, lambda: 0.0)

    def history(self) -> None:
        """Leave it as it is."""


@pytest.fixture
def cloud(built_page: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Aws, str]]:
    """The Lambdas' own code behind the front door, on a day that stands still; and its address."""
    monkeypatch.setattr(demo_sign_in, "Day", StillDay)
    port = free_port()
    url = f"http://localhost:{port}"
    github = GitHub(accounts={"hubot": 480938, "octocat": 583231})
    with (
        emulated_cloud() as aws,
        github.serving(),
        signing_in("http://127.0.0.1:9", "key", url, aws, github) as cdn,
        cdn.listening(port),
    ):
        yield aws, url


def test_every_act_changes_the_cloud_and_shows_in_the_audit(
    browser: Browser, cloud: tuple[Aws, str]
) -> None:
    aws, url = cloud
    groups, table = aws.client("autoscaling"), aws.client("dynamodb")

    def group() -> tuple[int, int, int]:
        (found,) = groups.describe_auto_scaling_groups()["AutoScalingGroups"]
        return found["MinSize"], found["DesiredCapacity"], found["MaxSize"]

    def people_of(number: str) -> dict[str, Any]:
        asked = {":who": {"S": f"github:{number}"}}
        found = table.query(
            TableName="people",
            KeyConditionExpression="who = :who",
            ExpressionAttributeValues=asked,
        )
        return {item["what"]["S"]: item for item in found["Items"]}

    context = new_context(browser, locale="en-GB", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{url}/admin")
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_text("octocat").first.click()
    expect(page.get_by_text("You are not an administrator of this installation.")).to_be_visible()
    context.clear_cookies()
    page.reload()
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_text("hubot").first.click()
    expect(page.get_by_text("None runs: the fleet sleeps, and costs nothing.")).to_be_visible()
    page.get_by_role("button", name="Wake", exact=True).click()
    expect(page.get_by_text("The fleet wakes.")).to_be_visible()
    assert group() == (0, 1, 4)
    page.get_by_role("button", name="Keep awake").click()
    expect(page.get_by_role("button", name="Not any longer")).to_be_visible()
    assert group() == (1, 1, 4)
    page.get_by_label("Instances at most").fill("6")
    page.get_by_role("button", name="Set").click()
    expect(page.get_by_text("A deployment leaves 6 as it is")).to_be_visible()
    assert group() == (1, 1, 6)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("at most 4.")).to_be_visible()
    page.get_by_role("button", name="Let sleep").click()
    confirm(page, "Let sleep", "sleep")
    assert group() == (0, 0, 4)

    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.get_by_label("Search by name").fill("Colleague 2")
    page.get_by_role("button", name="colleague-002", exact=True).click()
    dialog = page.get_by_role("dialog", name="colleague-002")
    dialog.get_by_label("Requests").fill("10")
    dialog.get_by_label("Minutes of speech").fill("1.5")
    dialog.get_by_role("button", name="Set", exact=True).click()
    expect(dialog.get_by_text("Of their own: 10 requests, 1 min 30 s of speech.")).to_be_visible()
    dialog.get_by_role("button", name="Block…").click()
    confirm(page, "Block", "colleague-002")
    expect(dialog.get_by_role("button", name="Unblock")).to_be_visible()
    number = next(
        item["who"]["S"].removeprefix("github:")
        for item in table.scan(TableName="people")["Items"]
        if item.get("login", {}).get("S") == "colleague-002"
    )
    profile = people_of(number)["profile"]
    assert (profile["requests"], profile["seconds"]) == ({"N": "10"}, {"N": "90"})
    assert "blocked" in profile
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_role("button", name="Block…")).to_be_visible()
    assert "blocked" not in people_of(number)["profile"]
    keys = dialog.get_by_role("button", name=re.compile("^Revoke (?!all)"))
    expect(keys).to_have_count(2)
    name = str(keys.first.get_attribute("aria-label")).removeprefix("Revoke ")
    keys.first.click()
    confirm(page, "Revoke", name)
    expect(keys).to_have_count(1)
    dialog.get_by_role("button", name="Revoke all…").click()
    confirm(page, "Revoke all", "colleague-002")
    expect(keys).to_have_count(0)
    assert set(people_of(number)) == {"profile"}
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Audit", exact=True).click()
    for kind in (
        "fleet-woken",
        "fleet-kept-awake",
        "fleet-maximum",
        "fleet-sent-to-sleep",
        "person-limited",
        "person-blocked",
        "person-unblocked",
        "person-revoked",
    ):
        expect(page.get_by_role("row", name=kind).first).to_contain_text("hubot")
    expect(page.get_by_role("row", name="refused")).to_have_count(0)
    context.close()
