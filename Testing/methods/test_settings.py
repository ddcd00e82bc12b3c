"""Tests of the settings of methods: what each kind takes, from Python and as text, and what is said of anything else."""
import pytest

from FusionINNLib.errors import InputError
from FusionINNLib.methods.settings import Setting, from_text, pairs, resolved

COUNT, SHARE = Setting("count", 3, "", least=1, most=9), Setting("share", 0.5, "", most=1)
WORD, FLAG = Setting("word", "a", "", ("a", "b")), Setting("flag", True, "")


@pytest.mark.parametrize("setting, given, value", [
    (COUNT, 4, 4), (COUNT, "9", 9), (SHARE, 1, 1.0), (SHARE, "0.25", 0.25), (SHARE, "1e-3", 0.001), (WORD, "b", "b"), (FLAG, False, False),
    (FLAG, "true", True), (FLAG, "False", False)])
def test_values(setting, given, value):
    read = setting.value_of(given)
    assert read == value and type(read) is type(setting.default)


@pytest.mark.parametrize("setting, given, takes", [
    (COUNT, 0, "a whole number from 1 to 9"), (COUNT, 10, "a whole number"), (COUNT, 2.5, "a whole number"),
    (COUNT, "2.0", "a whole number"), (COUNT, True, "a whole number"), (SHARE, "half", "a number from 0 to 1"), (SHARE, "nan", "a number"),
    (SHARE, -0.1, "a number"),
    (SHARE, None, "a number"), (WORD, "c", "a or b"), (WORD, 1, "a or b"), (FLAG, 1, "true or false"), (FLAG, "yes", "true or false")])
def test_what_is_no_value(setting, given, takes):
    with pytest.raises(InputError, match=f"The setting {setting.name} takes {takes}.*, not {given!r}\\."):
        setting.value_of(given)


def test_what_was_typed_into_one_field():
    assert from_text("  count=4   word=b ") == {"count": "4", "word": "b"} and from_text("") == {}
    with pytest.raises(InputError, match="'4' is no setting: write NAME=VALUE."):
        from_text("count=1 4")


def test_settings_in_words_are_written_as_they_are_read():
    described = Setting("count", 3, "of them", least=1, most=9).described(5)
    assert described == "count=5: of them (a whole number from 1 to 9)"
    assert FLAG.written(True) == "flag=true" and FLAG.value_of(from_text(FLAG.written(False))["flag"]) is False


def test_the_user_goes_before_the_model_before_the_row():
    found = resolved((COUNT, SHARE, WORD), {"count": "5"}, {"count": 7, "share": 0.75, "old": 1}, "Mine")
    assert found == {"count": 5, "share": 0.75, "word": "a"}


def test_unknown_names_are_told():
    with pytest.raises(InputError, match="Mine has no setting 'z': choose among count, word."):
        resolved((COUNT, WORD), {"z": 1}, {}, "Mine")
    with pytest.raises(InputError, match="Mine has no setting 'z': it has none."):
        resolved((), {"z": 1}, {}, "Mine")


def test_words_of_a_command_line():
    assert pairs(["a=1", "b=x=y"]) == {"a": "1", "b": "x=y"}
    for word in ("a", "=1"):
        with pytest.raises(InputError, match="write NAME=VALUE"):
            pairs([word])
