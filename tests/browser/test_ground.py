"""That the other tests here would notice what they are there for."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.faults import Faults
from tests.browser.sites import Site

SOUND = (
    "<!doctype html><html lang=en><title>Sound</title>"
    "<meta name=viewport content='width=device-width'>"
    "<main><h1>Sound</h1></main>"
)
STOPPED = (
    "<!doctype html><html lang=en><title>Stopped</title>"
    "<main><h1>Stopped</h1><img src=/a.gif></main>"
    "<script>document.title = 'Run'</script>"
)
POLICY = "default-src 'none'; script-src 'self'"


class Strict(BaseHTTPRequestHandler):
    """Serves `STOPPED` under `POLICY`, and says of all but one page that it is none."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(STOPPED.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def strict_url() -> Iterator[str]:
    """The address of a page that needs more than its policy allows."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Strict) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_description_of_the_service_can_be_read(
    demo: Site, page: Page, faults: Faults
):
    page.goto(f"{demo.url}/docs/")

    expect(page.get_by_role("heading", name="ClinicFlow API")).to_be_visible()
    expect(page.get_by_text("Book a visit")).to_be_visible()
    [stopped] = faults.take()
    assert "inline style" in stopped, "Only the logo's own style is stopped."


def test_a_barrier_is_found_by_its_rule_and_place_whatever_the_policy(
    strict_url: str, page: Page, faults: Faults
):
    page.goto(strict_url)

    found = violations(page)

    faults.take()
    assert len(found) == 1
    assert found[0].startswith("image-alt (critical): ['img']: ")


def test_a_page_without_barriers_has_none(page: Page):
    page.set_content(SOUND)

    assert violations(page) == []


def test_what_the_policy_stops_is_a_fault(strict_url: str, page: Page, faults: Faults):
    page.goto(strict_url)

    stopped = "\n".join(faults.take())
    assert "inline script" in stopped
    assert f"failed: {strict_url}a.gif: csp" in stopped


def test_what_fails_unseen_is_a_fault(page: Page, faults: Faults):
    page.evaluate("setTimeout(() => { throw new Error('Oh') })")
    page.evaluate("console.warn('Mind')")
    page.goto("about:blank")

    assert faults.take() == ["uncaught: Oh", "console warning: Mind"]


def test_a_refusal_is_a_fault_unless_the_test_expects_it(
    strict_url: str, page: Page, faults: Faults
):
    refusal = f"404: GET {strict_url}nowhere"

    page.goto(f"{strict_url}nowhere")
    unexpected = faults.take()
    faults.expect(404)
    page.goto(f"{strict_url}nowhere")

    assert refusal in unexpected
    assert refusal not in faults.take()


def test_a_request_that_is_lost_is_a_fault_unless_the_test_expects_it(
    strict_url: str, page: Page, faults: Faults
):
    page.goto(strict_url)
    faults.take()
    page.context.set_offline(True)

    lose_a_script(page)
    unexpected = faults.take()
    faults.expect_to_be_cut_off()
    lose_a_script(page)

    lost = f"failed: {strict_url}lost.js: net::ERR_INTERNET_DISCONNECTED"
    assert lost in unexpected
    assert faults.take() == []


def lose_a_script(page: Page) -> None:
    with page.expect_event("requestfailed"):
        page.evaluate(
            "document.head.append("
            "Object.assign(document.createElement('script'), {src: '/lost.js'}))"
        )


def test_a_request_to_another_machine_is_a_fault(page: Page, faults: Faults):
    page.set_content(f"{SOUND}<img alt='' src='https://cdn.example/a.gif'>")

    assert "elsewhere: https://cdn.example/a.gif" in faults.take()


def test_a_page_without_scripts_runs_none(plain_page: Page):
    script = "<script>document.title = 'Run'</script>"

    plain_page.goto(f"data:text/html,{SOUND}{script}")

    expect(plain_page).to_have_title("Sound")


def test_each_look_is_what_its_name_says(look: str, looked_at: Page):
    looked_at.set_content(SOUND)

    width = looked_at.evaluate("innerWidth")
    is_dark = looked_at.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (width, is_dark) == (360 if "phone" in look else 1280, "dark" in look)


def test_what_one_test_does_with_the_demo_stays_its_own(demo: Site, own_demo: Site):
    before = doctors_of(demo)
    own_demo.call("POST", "/api/doctors", {"name": "Dr. Nobody Else"})

    assert len(doctors_of(own_demo)) == len(before) + 1
    assert doctors_of(demo) == before


def test_a_new_clinic_has_nobody_in_it(new_clinic: Site):
    assert doctors_of(new_clinic) == []


def doctors_of(site: Site) -> list[str]:
    return [doctor["name"] for doctor in site.call("GET", "/api/doctors")["items"]]
