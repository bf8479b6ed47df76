"""Somebody who has a keyboard and no mouse."""

from __future__ import annotations

from attrs import frozen
from playwright.sync_api import Locator, Page

MOST_TABS = 150
"""After so many nobody goes on looking."""


@frozen
class Keyboard:
    """Everything that is done on *page* is done by its keys."""

    page: Page

    def go_to(self, goal: Locator) -> None:
        """
        Press Tab until *goal* has the focus.

        Raises:
            AssertionError: If it never has.
        """
        found = goal.element_handle()
        for _ in range(MOST_TABS):
            if found.evaluate("node => node === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never comes to {goal}")

    def press(self, goal: Locator) -> None:
        """Press Enter on *goal*: a link, a button, or a field of a form to send."""
        self.go_to(goal)
        self.page.keyboard.press("Enter")

    def write(self, goal: Locator, text: str) -> None:
        """Type *text* in place of what stands in *goal*."""
        self.go_to(goal)
        if goal.input_value():
            self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def tick(self, goal: Locator) -> None:
        """Press Space on *goal*: a box, or the first of some to choose from."""
        self.go_to(goal)
        self.page.keyboard.press("Space")

    def choose(self, first: Locator, goal: Locator) -> None:
        """Go from *first*, the radio button that Tab comes to, down to *goal*."""
        self.tick(first)
        while not goal.is_checked():
            self.page.keyboard.press("ArrowDown")
            assert not first.is_checked(), f"{goal} is not among them"

    def pick(self, goal: Locator, option: str) -> None:
        """Type the beginning of *option*, of those in the drop-down list *goal*."""
        self.go_to(goal)
        self.page.keyboard.type(option)
