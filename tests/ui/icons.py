"""The page's icons as pictures, drawn of its mark: ``python -m tests.ui.icons`` writes them."""

import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from local.processes import ROOT

PUBLIC = ROOT / "ui" / "public"
SIZES = {"icon-192": 192, "icon-512": 512, "icon-maskable-512": 512}


def drawn(browser: Browser) -> Iterator[tuple[str, bytes]]:
    """Yield the file name and the bytes of each icon."""
    mark = (PUBLIC / "mark.svg").read_text(encoding="utf-8")
    for name, size in SIZES.items():
        page = browser.new_page(viewport={"width": size, "height": size})
        page.set_content(
            f"<style>body {{ margin: 0 }} svg {{ display: block; width: {size}px }}</style>"
            + (maskable(mark) if "maskable" in name else mark)
        )
        yield f"{name}.png", page.screenshot(omit_background=True)
        page.close()


def maskable(mark: str) -> str:
    """Return the mark for systems that cut icons into shapes: smaller, on ground to the edge."""
    wide = mark.replace('rx="15"', "")
    inner = wide.replace("<g ", '<g transform="translate(6.4 6.4) scale(0.8)" ')
    assert mark != wide != inner, "the mark is not what it was"
    return inner


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for file, data in drawn(chromium):
            (PUBLIC / file).write_bytes(data)
