"""Settings of a method that a user may change: what they are called, what they take, and a sentence where something else is given."""
from collections.abc import Mapping
from dataclasses import dataclass

from FusionINNLib.errors import InputError

Value = bool | int | float | str


@dataclass(frozen=True)
class Setting:
    """One of them.

    name: on the command line and in Python. default: its value where neither the user nor the model says otherwise; its type is that of all
    its values. meaning: for people. choices: the words it takes. least, most: limits of a number.
    """

    name: str
    default: Value
    meaning: str
    choices: tuple[str, ...] = ()
    least: float = 0.0
    most: float = float("inf")

    def value_of(self, given: object) -> Value:
        """What was given, a text or a value, as a value of this setting. Raises InputError where it is none."""
        value = _read(given, type(self.default))
        if value is None or (self.choices and value not in self.choices):
            raise InputError(f"The setting {self.name} takes {self._takes()}, not {given!r}.")
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not self.least <= value <= self.most:
            raise InputError(f"The setting {self.name} takes {self._takes()}, not {given!r}.")
        return value

    def described(self, value: Value) -> str:
        """How it is written, with a value that it has, what it means and what it takes."""
        return f"{self.written(value)}: {self.meaning} ({self._takes()})"

    def written(self, value: Value) -> str:
        """As `pairs` reads it."""
        return f"{self.name}={str(value).lower() if isinstance(value, bool) else value}"

    def _takes(self) -> str:
        if self.choices:
            return " or ".join(self.choices)
        if isinstance(self.default, bool):
            return "true or false"
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{kind} from {self.least:g}" + (f" to {self.most:g}" if self.most < float("inf") else "")


def resolved(settings: tuple[Setting, ...], given: Mapping[str, object], of_model: Mapping[str, object], title: str) -> dict[str, Value]:
    """Every setting of a method with its value: the one given, else the model's, else the default.

    Raises InputError for names that do not exist and values that do not fit, in words with the method's title.
    """
    if unknown := sorted(set(given) - {setting.name for setting in settings}):
        names = ", ".join(setting.name for setting in settings)
        raise InputError(f"{title} has no setting {unknown[0]!r}: " + (f"choose among {names}." if names else "it has none."))
    return {setting.name: setting.value_of({**of_model, **given}.get(setting.name, setting.default)) for setting in settings}


def from_text(text: str) -> dict[str, str]:
    """As `pairs`, of what was typed into one field, with spaces between."""
    return pairs(text.split())


def pairs(words: list[str]) -> dict[str, str]:
    """`NAME=VALUE` words of a command line. Raises InputError for others."""
    for word in words:
        if "=" not in word[1:]:
            raise InputError(f"{word!r} is no setting: write NAME=VALUE.")
    return dict(word.split("=", 1) for word in words)


def _read(given: object, kind: type) -> Value | None:
    """None for what is no value of a kind."""
    if kind is bool:
        return {"true": True, "false": False}.get(str(given).lower())
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        return None
    try:
        return kind(str(given))
    except ValueError:
        return None
