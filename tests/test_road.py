"""The road with a teacher that is there already: it is asked once, and is one however many seeds there are."""

import torch

from limbeck import Budget
from limbeck.data import load_digits
from limbeck.models import MLP
from limbeck.progress import Progress
from limbeck.road import Journey, travel
from limbeck.runs import Run
from limbeck.teachers import Ensemble, from_function, predict

FEW = 2  # rows where a teacher is timed, or looked at


def test_a_teacher_of_all_seeds_is_asked_once_about_each_row(tmp_path):
    train, test = load_digits()
    train, validation = train.split(100)
    torch.manual_seed(0)
    nets, asked = [MLP([64, 10], scale=16).eval() for _ in range(2)], []

    def teacher(number):
        def judge(inputs):
            asked.append(len(inputs) if len(inputs) > FEW else 0)
            with torch.no_grad():
                return nets[number](inputs)

        return from_function(judge, str(number))

    members = [teacher(0), teacher(1)]
    journey = Journey(
        train=train,
        validation=validation,
        test=test,
        make_student=lambda: MLP([64, 4, 10], scale=16),
        student_budget=Budget(epochs=1),
        temperature=2.0,
        hard_weight=0.5,
        teacher=Ensemble(members),
    )
    run = Run("own", Budget(), tmp_path / "run", 2, None, Progress(), "limbeck distill")
    with run.held():
        result = travel(run, journey)
    assert sum(asked) == 2 * (len(train) + len(validation) + len(test))
    rows = {(row["setting"], row["metric"]): row["values"] for row in result.rows}
    wrong = [int((predict(each, test).argmax(1) != test.labels_to_judge()).sum()) for each in nets]
    assert rows["teacher", "test errors"] == [sum(wrong) / 2]
    assert len(rows["ensemble", "test errors"]) == 1
    assert len(rows["student", "test errors"]) == 2
