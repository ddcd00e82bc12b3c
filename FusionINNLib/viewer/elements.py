"""Attributes of HTML that trame's elements leave out, and the two controls that sidebar and toolbar share."""
from html import escape

from trame.widgets import html
from trame.widgets import vuetify3 as v3


def attributes(**given: str | tuple[str]) -> dict:
    """For the call of an element: aria_label="words", or, with an expression of the page, aria_label=("expression",). for_ is for."""
    raw = []
    for name, value in given.items():
        name = name.rstrip("_").replace("_", "-")
        raw.append(f':{name}="{escape(value[0])}"' if isinstance(value, tuple) else f'{name}="{escape(value)}"')
    return {"raw_attrs": raw}


def label(text: str, control: str) -> None:
    """The label of a control, by its id."""
    html.Label(text, **attributes(for_=control))


def button(text: str, click, why: str, does: str, **look) -> None:
    """A button. why: expression for why it cannot be clicked, "" where it can; it or what the button does is its tool tip."""
    v3.VBtn(text, click=click, **{"size": "small", "variant": "flat"} | look, disabled=(f"!!({why})",), title=(f"({why}) || '{does}'",))


def select(name: str, items: list[tuple[str, str]], words: str = "") -> None:
    """A choice of (value, text) for what the state knows under a name. The browser's own: keyboards and screen readers know it best.

    words: its label, where there is none beside it.
    """
    with html.Select(v_model=(name,), id=name, classes="select", **attributes(**({"aria_label": words} if words else {}))):
        for value, text in items:
            html.Option(text, value=value)


def slider(kind, name: str, words: str, **limits) -> None:
    """A `v3.VSlider` or `v3.VRangeSlider` for what the state knows under a name. words: its label, for those who cannot see it."""
    kind(v_model=(name,), hide_details=True, density="compact", thumb_size=14, track_size=3, **limits, **attributes(aria_label=words))
