"""Models for this device, as somebody has them fetched and chooses them in the page's settings."""

from typing import Any

import httpx2
from playwright.sync_api import Page, expect

from local.wire import Wire

FETCH = "Fetch tiny.en (int8)"
KEPT = """
async () => {
    const root = await navigator.storage.getDirectory();
    const models = await root.getDirectoryHandle("models", { create: true });
    const sizes = [];
    for await (const file of models.values()) {
        // A file that is being removed may go after its name was read.
        const kept = await file.getFile().catch(() => ({ size: 0 }));
        sizes.push(kept.size);
    }
    return sizes.filter(Boolean).sort((one, other) => one - other);
}
"""


def offer(page: Page) -> None:
    """Open the settings, where the model is offered."""
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("button", name=FETCH)).to_be_visible()


def fetch_model(page: Page) -> None:
    """Have the browser fetch the model, and hear with it."""
    offer(page)
    page.get_by_role("button", name=FETCH).click()
    expect(page.get_by_role("button", name="Remove it")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Ready on this device: tiny.en; nothing is sent")).to_be_attached()


def choose(page: Page, label: str) -> None:
    """Choose something in the settings, once they are open: marks lie over what is clicked."""
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    page.get_by_label(label, exact=True).check(force=True)


def files(wire: Wire) -> list[dict[str, Any]]:
    """Return what the model is made of."""
    model, *_ = httpx2.get(f"{wire.url}models/index.json").json()["models"]
    return [model["runtimes"]["wasm"], *model["files"].values()]
