"""Names that trackers take as they are."""

import pytest

from limbeck.tracking.names import legal


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("student", "student"),
        ("student, 3s missing", "student_3s_missing"),
        ("gap to its twin / gap", "gap_to_its_twin_gap"),
        ("(p50)", "p50"),
        ("学生", "_"),
        ("", "_"),
    ],
)
def test_a_name_keeps_letters_and_digits_alone(name, expected):
    assert legal(name) == expected
