"""The column at the left of the page: the case from its files to its download, from top to bottom."""
from trame.app import asynchronous
from trame.widgets import html
from trame.widgets import vuetify3 as v3

from FusionINNLib.methods import registry
from FusionINNLib.viewer.elements import attributes, button, label, select

_SLOTS = {"first": ("First volume", "ADC, or T1 with contrast"), "second": ("Second volume", "FLAIR"),
          "segmentation": ("Segmentation", "outlines, if you have some")}
_ALIGNMENTS = [("auto", "Automatic"), ("rigid", "Rigid registration"), ("header", "By the headers alone"),
               ("none", "None: same grid required")]


def build(viewer) -> None:
    """Fill the column."""
    def soon(work):
        def start() -> None:  # gives nothing back: trame would wait for it, and hear nothing else from the page meanwhile
            asynchronous.create_task(work())

        return start

    with html.Header(classes="brand"):
        html.H1("FusionINN")
        html.P("Research use only.", classes="notice")
    with html.Section(**attributes(aria_label="Volumes")):
        with html.Div(classes="head"):
            html.H2("Volumes")
            # Not beside results: one click would be the end of them.
            html.Button("Sample case", click=soon(viewer.sample), disabled=("!!why.sample",), classes="plain", type="button",
                        v_if=("!views.fused.filled",), title=("why.sample || 'Make a head by code, no patient, and load it'",))
        for slot, (title, hint) in _SLOTS.items():
            _slot(slot, title, hint, viewer)
        with html.Div(v_if=("suggested",), classes="slot filled", id="suggested"):
            html.Span("Suggested outline", classes="name")
            with html.Ul(classes="labels"), html.Li():
                html.I(style=("{background: suggested.color}",), **attributes(aria_hidden="true"))
                html.Span("{{ suggested.name }}")
            html.Button("Remove", click=viewer.remove_suggestion, disabled=("busy",), classes="plain remove", type="button")
        with html.Div(classes="pair"):
            button("Suggest outline", soon(viewer.suggest), "why.suggest",
                   "From T1 with contrast (first) and FLAIR (second): the outline of a glioma, drawn by nobody. Research use only",
                   id="suggest", variant="tonal")
            button("As DICOM SEG", "trigger('download_outline')", "why.outline",
                   "Download the suggested outline as a DICOM Segmentation of the series on whose grid it lies. It names its patient",
                   id="outline-dicom", variant="tonal")
    with html.Section(**attributes(aria_label="Fuse")):
        html.H2("Fuse")
        with html.Div(classes="field"):
            label("Method", "fusion_method")
            select("fusion_method", methods_offered())
        html.P("{{ about_method }}", classes="moved", id="about-method")
        html.P("{{ cost }}", v_if=("cost",), classes="moved", id="cost")
        _settings_of_method()
        with html.Details():
            html.Summary("Alignment and grid")
            label("Unlike grids", "alignment")
            select("alignment", _ALIGNMENTS)
            label("Grid of the result", "reference")
            select("reference", [("second", "Second volume"), ("first", "First volume")])
        button("Fuse", soon(viewer.fuse), "why.fuse", "Fuse the two volumes into one image", id="fuse", block=True, color="primary")
        html.P("{{ moved }}", v_if=("moved",), classes="moved", id="moved")
        html.P("{{ note }}", v_for="note in notes", key="note", classes="note")
    with html.Section(**attributes(aria_label="Decompose")):
        html.H2("Decompose")
        html.P("{{ only_fuses }}", v_if=("only_fuses",), classes="note", id="only-fuses")
        with html.Fieldset(classes="ways", v_if=("!only_fuses",)):
            html.Legend("Way back", classes="sr")
            _way("exact", "Exact", "with the saved latent image")
            _way("estimated", "Estimated", "from the fused image alone: not a scan")
        with html.Details(v_if=("method === 'estimated' && !only_fuses",)):
            html.Summary("Latents")
            label("Number drawn", "samples")
            html.Input(type="number", id="samples", v_model_number=("samples",), min=1, max=64, classes="number")
            label("Seed", "seed")
            html.Input(type="number", id="seed", v_model_number=("seed",), min=0, classes="number")
        button("Decompose", soon(viewer.decompose), "why.decompose", "Take the fused image apart again", id="decompose", block=True,
               color="primary")
    with html.Section(**attributes(aria_label="Results")):
        html.H2("Results")
        with html.Div(classes="pair"):
            button("Numbers", soon(viewer.numbers), "why.numbers", "Compute the published fusion metrics", id="numbers", variant="tonal")
            button("Download", "trigger('download')", "why.download", "All files of the result as a zip", id="download", variant="tonal")
        button("Download as DICOM", "trigger('download_dicom')", "why.dicom",
               "The images of the result as DICOM series in a zip, without the latent image, and without patient data unless you ask for "
               "it below", id="dicom", block=True, variant="tonal")
        named = "why.named || 'The DICOM series are of the patient and in the study of the source; without this they name nobody'"
        with html.Div(classes="field", title=(named,)):
            v3.VCheckbox(model_value=("named && !why.named",), update_modelValue="named = $event", label="with the patient's name",
                         id="named", hide_details=True, density="compact", disabled=("!!why.named",))
        html.Button("{{ numbers_open ? 'Hide' : 'Show' }} the numbers", click="numbers_open = !numbers_open", v_if=("numbers",),
                    classes="plain", type="button")
    _status(viewer)


def _settings_of_method() -> None:
    """What a method takes beside the two volumes, where it takes anything."""
    with html.Details(v_if=("settings_offered.length || draws",)):
        html.Summary("Settings of the method")
        with html.Div(v_if=("settings_offered.length",)):
            label("NAME=VALUE, spaces between", "method_settings")
            html.Input(type="text", id="method_settings", v_model=("method_settings",), classes="number", placeholder=("settings_example",),
                       **attributes(autocomplete="off", spellcheck="false", aria_describedby="settings-offered"))
            with html.Ul(classes="settings", id="settings-offered"):
                html.Li("{{ words }}", v_for="words in settings_offered", key="words")
        with html.Div(v_if=("draws",)):
            label("Seed: the same one gives the same fused image", "fusion_seed")
            html.Input(type="number", id="fusion_seed", v_model_number=("fusion_seed",), min=0, classes="number")


def methods_offered() -> list[tuple[str, str]]:
    """(name, title) of the fusion methods."""
    return [(row.name, row.title) for row in map(registry.info, registry.names())]


def _slot(slot: str, title: str, hint: str, viewer) -> None:
    one = f"inputs.{slot}"
    with html.Div(classes=(f"['slot', {one} ? 'filled' : '']",), **attributes(data_slot=slot)):
        with html.Label(classes="choose", **attributes(for_=f"file-{slot}")):
            html.Span(title, classes="what")
            html.Span(f"{{{{ {one} ? {one}.name : '{hint}: choose or drop a file' }}}}", classes="name",
                      title=(f"{one} ? {one}.name : ''",))
            html.Span(f"{{{{ {one}.grid }}}}", v_if=(one,), classes="grid-of")
            html.Input(type="file", id=f"file-{slot}", multiple=True, classes="sr", disabled=("!!why.choose",),
                       **attributes(data_slot=slot))
        with html.Div(v_if=(f"choices && choices.slot === '{slot}'",), classes="choices",
                      **attributes(role="group", aria_label="Which one")):
            html.P("{{ choices.title }}")
            html.Button("{{ words }}", v_for="(words, n) in choices.list", key="n", click="trigger('choose', [n + 1])", classes="plain",
                        type="button", disabled=("busy",))
        if slot == "segmentation":
            with html.Ul(v_if=(f"{one} && {one}.labels.length",), classes="labels", **attributes(aria_label="Labels")):
                with html.Li(v_for=f"label in {one}.labels", key="label.name"):
                    html.I(style=("{background: label.color}",), **attributes(aria_hidden="true"))
                    html.Span("{{ label.name }}")
            html.Button("Remove", click=viewer.remove_segmentation, v_if=(one,), disabled=("busy",), classes="plain remove", type="button")


def _way(value: str, title: str, words: str) -> None:
    with html.Label(classes="way"):
        html.Input(type="radio", name="method", value=value, v_model=("method",))
        html.Span(title, classes="what")
        html.Span(words, classes="about")
        html.Span("done", v_if=(f"has_{'exact' if value == 'exact' else 'estimate'}",), classes="done")


def _status(viewer) -> None:
    with html.Div(classes="status"):
        with html.Div(v_if=("busy",), classes="running"):
            html.P("{{ step_text }}", id="step", **attributes(aria_live="polite"))
            v3.VProgressLinear(model_value=("progress === null ? 0 : progress",), indeterminate=("progress === null",), height=6,
                               color="primary", rounded=True, **attributes(aria_label="Progress"))
            v3.VBtn("Cancel", click=viewer.cancel, size="small", variant="outlined", disabled=("cancelling",), id="cancel")
        html.P("{{ problem }}", v_if=("problem",), classes="problem", id="problem", **attributes(role="alert"))
        html.P("{{ said }}", v_if=("said && !problem",), classes="said", id="said", **attributes(role="status"))
