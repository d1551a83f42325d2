"""Settings: what rows of record, tables and pages call a model. A part, and after a comma what tells it from others.

teacher, ensemble    who taught the student; where there is an ensemble, it did, and its members are the teachers
twin, student        and those beside them: 'student, T=20', 'twin, 3% labels'
..., ONNX            the file of a net, 'student, int8' that of the student in 8-bit integers
all trainings        of all nets of a study, those too that were tried and not taken
"""

from collections.abc import Container

TEACHER, ENSEMBLE, TWIN, STUDENT = "teacher", "ensemble", "twin", "student"
TEACHERS = (ENSEMBLE, TEACHER)
"""Of who is there, the first taught the student."""
ALL_TRAININGS = "all trainings"
ONNX = ", ONNX"
INT8 = f"{STUDENT}, int8"


def teacher_of(settings: Container[str]) -> str:
    """Return the setting that taught the student, of all that a run has.

    >>> teacher_of(["teacher", "ensemble", "student"])
    'ensemble'
    """
    return ENSEMBLE if ENSEMBLE in settings else TEACHER


def together(num_teachers: int) -> str:
    """Return what so many teachers are called together."""
    return ENSEMBLE if num_teachers > 1 else TEACHER


def file_of(setting: str) -> str:
    """Return what a net's ONNX file is called.

    >>> file_of("ensemble"), net_of_file(file_of("ensemble")), net_of_file("student, int8")
    ('ensemble, ONNX', 'ensemble', 'student, int8')
    """
    return f"{setting}{ONNX}"


def net_of_file(setting: str) -> str:
    """Return the setting of a net by that of its ONNX file; whatever is no such file is what it is."""
    return setting.removesuffix(ONNX)


def is_file(setting: str) -> bool:
    """Return whether a setting is a file that a run shipped.

    >>> is_file("student, int8"), is_file("student, ONNX, 64 examples")
    (True, False)
    """
    return setting == INT8 or setting.endswith(ONNX)


def part_of(setting: str) -> str:
    """Return the part that a setting plays.

    >>> part_of("student, smaller, K=8"), remark_of("student, smaller, K=8")
    ('student', 'smaller, K=8')
    """
    return setting.partition(", ")[0]


def remark_of(setting: str) -> str:
    """Return what tells a setting from others of its part, "" where nothing does."""
    return setting.partition(", ")[2]
