"""The views of the page in a browser: wheel, keys, sliders, planes, blinking and windows."""
import pytest
from browsing import VIEWS, Visit


@pytest.fixture(scope="module")
def taken_apart(served, browser):
    """The page with the small case fused and taken apart, one for all tests: each leaves it as it was."""
    opened = Visit(browser, served)
    opened.page.wait_for_function("() => window.trame.state.get('views').second.filled")
    opened.do("Fuse")
    opened.do("Decompose")
    yield opened
    assert opened.complaints == []
    opened.page.close()


@pytest.fixture
def visit(taken_apart):
    """The same, when its last pictures have come."""
    taken_apart.page.wait_for_timeout(500)
    return taken_apart


def test_all_views_follow(visit):
    """By wheel, key, slider and plane; what is outlined, blended and blinked is seen."""
    page = visit.page
    seen = [view for view in VIEWS if view != "difference"]

    def changes(act, views=seen) -> str:
        before = {view: visit.picture(view) for view in views}
        act()
        visit.wait_for_pictures(before)
        return visit.state("where")["words"]

    start = visit.state("where")["words"]
    page.hover("#view-first")
    wheeled = changes(lambda: page.mouse.wheel(0, -120))
    number = int(start.split()[1])
    assert wheeled.startswith(f"slice {number + 1} of 24")
    page.focus("#view-second")
    assert changes(lambda: page.keyboard.press("ArrowDown")) == start
    slider = page.get_by_role("slider", name="Slice position")
    slider.focus()
    assert changes(lambda: page.keyboard.press("ArrowRight")) == wheeled
    assert "of 60" in changes(lambda: page.get_by_role("button", name="Sagittal").click())
    assert visit.state("where")["edges"] == {"left": "A", "right": "P", "top": "S", "bottom": "I"}
    assert changes(lambda: page.get_by_role("button", name="Axial").click()) == wheeled
    assert visit.state("where")["edges"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}

    changes(lambda: page.get_by_label("Outlines").uncheck())
    changes(lambda: page.keyboard.press("o") if page.focus("#view-first") is None else None)
    page.get_by_role("slider", name="Opacity").focus()
    changes(lambda: page.keyboard.press("Home"), ["fused"])
    changes(lambda: page.keyboard.press("End"), ["fused"])
    fused = visit.picture("fused")
    changes(lambda: page.get_by_label("Blink", exact=True).check(), ["fused"])
    page.wait_for_function("() => window.trame.state.get('blinked') === 'second'")
    assert page.locator("#view-fused").get_attribute("aria-label").startswith(("First", "Second"))
    page.get_by_label("Blink", exact=True).uncheck()
    visit.wait_for_picture("fused", fused)

    before = {"first": visit.picture("first")}
    assert visit.do("Suggest outline").startswith("SUGGESTED by a network, drawn by nobody")
    visit.wait_for_pictures(before)
    save = page.locator("#outline-dicom")
    assert save.is_disabled() and "did not come as a DICOM series" in save.get_attribute("title")
    page.locator("#suggested").get_by_role("button", name="Remove").click()
    visit.wait_for_picture("first", before["first"])


def test_windows_go_with_the_source(visit):
    """A source and what it was decomposed to are seen through one window; Reset brings the first one back."""
    page = visit.page
    first = visit.state("window_range")
    before = {view: visit.picture(view) for view in VIEWS}
    page.get_by_role("slider", name="Window").last.focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    visit.wait_for_pictures({view: before[view] for view in ("first", "decomposedFirst")})
    assert visit.state("window_range")[1] < first[1]
    assert (visit.picture("second") == before["second"]).all()
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("high => window.trame.state.get('window_range')[1] === high", arg=first[1])
    visit.wait_for_picture("first", before["first"])


def test_the_window_is_drawn_with_the_left_button(visit):
    """The slider shows the same; a button that is let go outside of the view is let go."""
    page, mouse = visit.page, visit.page.mouse
    before = {view: visit.picture(view) for view in VIEWS}
    place = page.locator("#view-second").bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 60, y - 30, steps=6)
    visit.wait_for_pictures({view: before[view] for view in ("second", "decomposedSecond")})
    assert visit.state("window_of") == "second" and (visit.picture("first") == before["first"]).all()
    low, high = visit.state("window_range")
    mouse.move(place["x"] - 50, place["y"] - 20, steps=4)
    mouse.up()
    mouse.move(x, y, steps=4)
    left = visit.settled("window_range")
    mouse.move(x - 40, y + 40, steps=4)
    assert visit.settled("window_range") == left != [low, high]
    page.get_by_role("button", name="Reset").click()
    visit.wait_for_picture("second", before["second"])
