"""The page: what lies where, and which control changes what. Its state is described in `state.py`, its looks in `static/viewer.css`."""
from pathlib import Path

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import html
from trame.widgets import vuetify3 as v3

from FusionINNLib import __version__
from FusionINNLib.mrml.layout import VIEWS
from FusionINNLib.results.recipe import NOTICE
from FusionINNLib.viewer import sidebar
from FusionINNLib.viewer.elements import attributes, button, label, select, slider
from FusionINNLib.viewer.state import PLANES, WINDOWS

_STATIC = Path(__file__).with_name("static")
_FOLDER = "__fusioninn"
_THEME = {"theme": {"defaultTheme": "fusioninn", "themes": {"fusioninn": {"dark": True, "colors": {
    "background": "#101418", "surface": "#182027", "primary": "#6cb6e8", "secondary": "#8aa0b2", "error": "#ff8a80", "warning": "#ffbf00",
    "on-surface": "#dfe7ee", "on-background": "#dfe7ee", "on-primary": "#06202f"}}}}}
_END = 8  # letters of a title that are never left out
_EDGES = ("left", "right", "top", "bottom")
_LEGENDS = ("decomposedFirst", "decomposedSecond")  # views that have a colour legend at the right while an interval is shown
_INTERVAL = ("How sure the estimate is: half the width of the 90 % interval (1.645 standard deviations, by its own account) over each "
             "estimated source; clear is narrow, light is wide, the legend says how much")


def enable(server) -> None:
    """Have the server hand out the page's own files."""
    server.enable_module({"serve": {_FOLDER: str(_STATIC)}, "scripts": [f"{_FOLDER}/viewer.js"], "styles": [f"{_FOLDER}/viewer.css"]})


def overlay(view: str) -> None:
    """What lies over a view: its name, what it shows, letters at its edges."""
    about = _about(view)
    with html.Div(classes=("interval && !why.interval ? 'overlay legend' : 'overlay'",) if view in _LEGENDS else "overlay"):
        with html.Div(classes="title", **attributes(data_full=(f"{about}.title",))):
            with html.Div(classes="short"):  # a narrow view leaves the middle out: the end tells one volume of a patient from another
                html.Span(f"{{{{ {about}.title.slice(0, -{_END}) }}}}", classes="start")
                html.Span(f"{{{{ {about}.title.slice(-{_END}) }}}}", classes="end")
            html.Div(f"{{{{ {about}.measure }}}}", classes="measure", v_if=f"{about}.measure")
        html.Div(f"{{{{ {about}.empty }}}}", classes="empty", v_if=f"!{about}.filled")
        for edge in _EDGES:
            html.Div(f"{{{{ where.edges.{edge} }}}}", classes=f"edge {edge}", v_if=f"{about}.filled", **attributes(aria_hidden="true"))
        html.Div("{{ where.words }}", classes="where", v_if=f"{about}.filled")
        html.Div("Identical in every voxel.", classes="identical", v_if=f"{about}.identical")
        if view == "difference":
            with html.Label(classes="choice", v_if="has_exact || has_estimate"):
                html.Span("of")
                select("difference_of", [("first", "first"), ("second", "second")], "Difference of")


def build(server, viewer, controls, views) -> VAppLayout:
    """Make the page."""
    with VAppLayout(server, vuetify_config=_THEME, full_height=True) as layout:
        with html.Div(classes="page"):
            with html.Aside(classes="side", **attributes(aria_label="Case")):
                sidebar.build(viewer)
            with html.Main(classes="main"):
                _toolbar(controls)
                with html.Div(classes=("only_fuses ? 'grid upper' : 'grid'",), **attributes(role="group", aria_label="Slice views")):
                    for view in VIEWS:
                        _view(view, views)
                _foot()
            with html.Aside(classes="numbers", v_if=("numbers_open",), **attributes(aria_label="Numbers")):
                _numbers()
    return layout


def _view(view: str, views) -> None:
    about = _about(view)
    over = " + (interval && !why.interval ? ', below its 90 % interval' : '')" if view in _LEGENDS else ""
    words = f"{about}.title + ({about}.estimated ? ', ESTIMATED' : ''){over} + ', ' + where.words"
    classes = "view lower" if view in VIEWS[3:] else "view"
    with html.Div(classes=classes, id=f"view-{view}", **attributes(role="img", tabindex="0", aria_label=(words,))):
        views.place(view)


def _about(view: str) -> str:
    """What a view says of itself: while it blinks, what the view says whose volume it shows."""
    return "(blink && blinked ? views[blinked] : views.fused)" if view == "fused" else f"views.{view}"


def _toolbar(controls) -> None:
    with html.Div(classes="tools", **attributes(role="toolbar", aria_label="Views")):
        with html.Div(classes="row"):
            with v3.VBtnToggle(v_model=("plane",), mandatory=True, density="compact", variant="outlined", divided=True):
                for plane in PLANES:
                    v3.VBtn(plane, value=plane, size="small", disabled=(f"where.count === 1 && plane !== '{plane}'",))
            with html.Div(classes="field grow"):
                html.Span("Slice", classes="about")
                slider(v3.VSlider, "offset", "Slice position", min=("where.low",), max=("where.high",), step=("where.step",),
                       disabled=("where.count === 1",))
                html.Span("{{ where.words }}", classes="words")
            button("To segmentation", controls.jump, "why.segmentation", "Middle of the segmentation", variant="tonal")
            button("Fit", controls.fit, "''", "As large as the views allow", variant="tonal")
            with html.Div(classes="field"):
                v3.VCheckbox(v_model=("outlined",), label="Outlines", hide_details=True, density="compact")
            # Tool tips on the place and not on the box: one that cannot be clicked does not see the pointer.
            with html.Div(classes="field", title=(f"why.interval || '{_INTERVAL}'",)):
                v3.VCheckbox(model_value=("interval && !why.interval",), update_modelValue="interval = $event", label="90 % interval",
                             hide_details=True, density="compact", disabled=("!!why.interval",))
        with html.Div(classes="row"):
            with html.Div(classes="field"):
                label("Window of", "window_of")
                select("window_of", [(view, view.capitalize()) for view in WINDOWS])
            with html.Div(classes="field grow"):
                html.Span("{{ window ? window.words[0] : '' }}", classes="words end")
                slider(v3.VRangeSlider, "window_range", "Window: darkest and brightest value", min=("window ? window.least : 0",),
                       max=("window ? window.most : 1",), step=("window ? window.step : 0.01",), disabled=("!window",), strict=True)
                html.Span("{{ window ? window.words[1] : '' }}", classes="words")
                button("Reset", controls.reset_window, "window ? '' : 'Nothing is shown there.'", "As at first", variant="tonal")
            with html.Div(classes="field"):
                html.Span("Fused over second", classes="about")
                slider(v3.VSlider, "opacity", "Opacity of the fused image over the second volume", min=0, max=1, step=0.05,
                       style="width:80px")
            with html.Div(classes="field", title=("why.blink || 'Switch the fused view to and fro between two volumes'",)):
                v3.VCheckbox(v_model=("blink",), label="Blink", hide_details=True, density="compact", disabled=("!!why.blink && !blink",))
                select("pair", [("inputs", "first / second"), ("firstFused", "first / fused"), ("secondFused", "second / fused"),
                                ("firstDecomposed", "first / decomposed"), ("secondDecomposed", "second / decomposed")], "Blink between")


def _numbers() -> None:
    with html.Div(classes="head"):
        html.H2("Numbers")
        html.Button("Close", click="numbers_open = false", classes="plain", type="button")
    html.P("{{ moved }}", classes="moved")
    for name, title in (("numbers", "Fused image against its sources"), ("estimate_numbers", "Estimate")):
        with html.Div(v_if=(name,)):
            with html.Table():
                html.Caption(title)
                with html.Thead(), html.Tr():
                    html.Th("measure", scope="col")
                    html.Th("{{ column }}", v_for=f"column in {name}.columns", key="column", scope="col")
                with html.Tbody(), html.Tr(v_for=f"line in {name}.lines", key="line.name", title=("line.words",)):
                    html.Th("{{ line.name }}", scope="row")
                    html.Td("{{ cell }}", v_for="(cell, n) in line.cells", key="n")
    html.P("Point at a measure for its definition.", classes="hint", v_if=("numbers",))
    html.P("The estimate is judged without its source: its spread over drawn latents, and by how much it misses the fused image when fused "
           "again.", classes="hint", v_if=("estimate_numbers",))


def _foot() -> None:
    with html.Footer(classes="foot"):
        html.Strong(NOTICE)
        html.Span(f"An estimate is not a scan. FusionINN {__version__}")
        html.Span("Arrow keys or wheel: slices. Left button: window. Right button: zoom. Middle button: move. B: blink. O: outlines.",
                  classes="keys")
