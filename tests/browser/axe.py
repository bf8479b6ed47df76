"""
What axe finds on a page: barriers for people who cannot see, point or hear well.

The script is axe-core's own, from the wheel `axe-playwright-python`.
"""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

_SCRIPT = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_RUN = """
axe.run(document, {resultTypes: ["violations"]}).then(
    (result) => { axe.found = result.violations; },
    (error) => { axe.failed = String(error); },
);
"""
_STATE = "({found: axe.found, failed: axe.failed})"
_SECONDS = 20


def violations(page: Page) -> list[str]:
    """
    Return every violation of every level: rule, impact, place, and what is wrong.

    Assert that there is none: ``assert violations(page) == []``.

    Raises:
        AssertionError: If axe does not end, as on a page that may run no script.
    """
    # The debugger's own evaluation is not subject to the page's policy on scripts.
    debugger = page.context.new_cdp_session(page)
    debugger.send("Runtime.evaluate", {"expression": _SCRIPT})
    debugger.send("Runtime.evaluate", {"expression": _RUN})
    for _ in range(_SECONDS * 50):
        asked = {"expression": _STATE, "returnByValue": True}
        state = debugger.send("Runtime.evaluate", asked)["result"]["value"]
        if state:
            break
        page.wait_for_timeout(20)
    debugger.detach()
    assert "found" in state, state.get("failed", "axe did not end: may scripts run?")
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']}: {node['failureSummary']}"
        for rule in state["found"]
        for node in rule["nodes"]
    ]
