"""What axe finds on a page, and whether the page fits its screen."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Only what is wrong: to describe all that is right takes most of the time. No rule that runs needs
# imported style sheets, which axe would copy into the page, where our policy blocks them.
WRONG = {"resultTypes": ["violations"], "preload": False, "selectors": False, "iframes": False}
ALL = WRONG | {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
# What depends on the theme.
COLOURS = WRONG | {"runOnly": ["color-contrast"]}

FOUND = """async (options) => (await axe.run(options)).violations.map(({ id, nodes }) =>
    `${id} ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120)).join(" ")}`)"""


def violations(page: Page, options: dict[str, Any] = ALL) -> list[str]:
    """Each rule of WCAG 2.2 AA or best practice that the page breaks, with the first places."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    return page.evaluate(FOUND, options)


def look(page: Page) -> None:
    """Check that the page fits the width of the screen and that all of it can be reached."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
    assert violations(page) == []
