"""How long work will go on, by its pace so far."""
from FusionINNLib.progress import TimeLeft, duration


def test_the_time_left_follows_from_the_pace():
    now = [0.0]
    left = TimeLeft(lambda: now[0])
    said = []
    for done in range(5):
        said.append(left.seconds("fusing slices", done, 10))
        now[0] += 2
    assert said == [None, None, 16.0, 14.0, 12.0], "nothing before three seconds of it"
    assert left.words("fusing slices", 5, 10) == "10 s"
    now[0] += 100
    assert left.seconds("measuring", 1, 3) is None, "another task begins anew"
    now[0] += 50
    assert left.words("measuring", 2, 3) == "50 s"
    assert left.words("measuring", 3, 3) == "", "what is over in a moment is not worth a word"
    assert left.seconds("measuring", 1, 3) is None, "the same task again begins anew, too"


def test_durations_in_a_word_or_two():
    assert [duration(seconds) for seconds in (4.4, 89, 90, 3000, 5400)] == ["4 s", "89 s", "2 min", "50 min", "1.5 h"]
