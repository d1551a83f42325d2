"""`limbeck distill` as its first users would try it: images, a table, features of texts, each with a teacher."""

import json
import re
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LogisticRegression

from limbeck.cli import main
from limbeck.conclusion import read_test_set
from limbeck.data import TransferSet
from limbeck.errors import ArgumentError
from limbeck.readying import Preprocessing, ready_teacher

NETS = """
import sys
import threading
import types

import torch
from torch import nn


class OnImages(nn.Module):
    # residual, flattened in forward, wants floats in 0..1
    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 24, 3, padding=1), nn.BatchNorm2d(24)
        self.block, self.head = nn.Conv2d(24, 24, 3, padding=1), nn.Linear(24 * 16, 10)

    def forward(self, images):
        print("what a module prints")
        hidden = torch.relu(self.norm(self.stem(images)))
        hidden = nn.functional.max_pool2d(torch.relu(hidden + self.block(hidden)), 2)
        return self.head(torch.flatten(hidden, 1))


class OnVectors(nn.Module):
    # as nets of the library transformers return their logits
    def __init__(self, width=64):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, width), nn.ReLU(), nn.Linear(width, 3))

    def forward(self, vectors):
        return types.SimpleNamespace(logits=self.net(vectors), hidden=None)


def small():
    return OnVectors(8)


def taught():
    torch.manual_seed(0)
    return small()


def guessing():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 64), Dropping(), nn.Linear(64, 3))


class Dropping(nn.Module):
    def forward(self, hidden):
        return nn.functional.dropout(hidden, 0.1)


class LossesBeside(nn.Module):
    # gives its loss too while it is trained
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(12, 3)

    def forward(self, vectors):
        logits = self.layer(vectors)
        return (logits, logits.sum()) if self.training else logits


class Detached(LossesBeside):
    def forward(self, vectors):
        return self.layer(vectors).detach()


class Leaving(LossesBeside):
    def forward(self, vectors):
        raise SystemExit("enough")


class LeavingTraining(LossesBeside):
    def forward(self, vectors):
        return sys.exit("enough") if self.training else self.layer(vectors)


class Complex(LossesBeside):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(12, 3, dtype=torch.complex64)

    def forward(self, vectors):
        return self.layer(vectors.to(torch.complex64)).abs()


class Normed(LossesBeside):
    def __init__(self):
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(12, 3), nn.BatchNorm1d(3))

    def forward(self, vectors):
        return self.layer(vectors)


class Locked(nn.Linear):
    def __init__(self):
        torch.manual_seed(0)
        super().__init__(12, 3)
        self.lock = threading.Lock()


locked = Locked()


def without_values():
    with torch.device("meta"):
        return nn.Linear(12, 3)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.GRU(12, 4), nn.Linear(4, 3)

    def forward(self, vectors):
        return self.head(self.layer(vectors[None])[0][0])


on_images, recurrent = OnImages(), Recurrent()
one_output, wide = nn.Linear(12, 1), nn.Linear(12, 5)
softmaxed = nn.Sequential(nn.Linear(12, 3), nn.Softmax(1))


def wine():
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.datasets import load_wine

    bunch = load_wine()
    forest = ExtraTreesClassifier(10, random_state=0)
    return make_pipeline(StandardScaler(), forest).fit(bunch.data, bunch.target_names[bunch.target])
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder outside the repository, with the user's module in it."""
    (tmp_path / "own_nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_nets", raising=False)
    return tmp_path


def trained(net, inputs, labels, steps=40):
    """A user's own training, in a line or two; its net's weights."""
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        logits = net(inputs)
        torch.nn.functional.cross_entropy(getattr(logits, "logits", logits), labels).backward()
        optimizer.step()
    return {name: each.contiguous() for name, each in net.state_dict().items()}


def told(run):
    read = json.loads((run / "run.json").read_text())
    return read, {(row["setting"], row["metric"]): row["values"] for row in read["rows"]}


def test_images_with_a_net_of_ones_own(place, capsys):
    import own_nets

    digits = load_digits()
    pixels = (digits.images[:400] * 15).astype(np.uint8)
    for number, (image, label) in enumerate(zip(pixels, digits.target, strict=False)):
        path = place / "photos" / ("test" if number % 4 == 0 else "train") / f"digit {label}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    torch.manual_seed(0)
    net = own_nets.OnImages()
    inputs = torch.from_numpy(pixels).unsqueeze(1) / 255
    save_file(trained(net, inputs, torch.from_numpy(digits.target[:400])), "net.safetensors")
    command = ["distill", "--teacher", "own_nets:OnImages", "--teacher-weights", "net.safetensors", "--data", "photos"]
    command += ["--scale", "255", "--view", "jitter:1", "--views", "2", "--out", "run"]
    command += ["--budget.epochs", "30", "--budget.learning-rate", "1e-2"]
    capsys.readouterr()
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "what a module prints" in err
    assert "what a module prints" not in out
    assert "label: the folder of each image, 10 classes: digit 0, digit 1" in err
    assert "no validation set is there: 30 of 300 rows" in err
    assert "no test set" not in err
    assert "  net.head   384 → 10 becomes " in err
    read, rows = told(place / "run")
    assert read["recipe"] == "distill"
    assert read["config"]["teacher_weights"] == ["net.safetensors"]
    assert rows["teacher", "parameters"][0] == sum(each.numel() for each in net.parameters())
    assert rows["student", "parameters"][0] <= rows["teacher", "parameters"][0] / 10
    assert rows["teacher", "test errors"] == [
        int((net.eval()(inputs[::4]).argmax(1) != torch.from_numpy(digits.target[:400:4])).sum())
    ]
    assert rows["student", "agreement"][0] > 0.5
    weights = load_file(place / "run" / "student.safetensors")
    assert float(weights["scale"]) == 255
    page = (place / "run" / "report.html").read_text()
    assert "digit 3" in page
    assert re.search(r'"origin": ?"photos/test/digit \d/\d+.png"', page)
    for setting, file in (
        ("teacher, ONNX", "teacher"),
        ("student, ONNX", "student"),
        ("student, int8", "student-int8"),
    ):
        assert (place / "run" / f"{file}.onnx").stat().st_size == rows[setting, "size (bytes)"][0]
    assert rows["student, ONNX", "test errors"] == rows["student", "test errors"]
    capsys.readouterr()
    assert main([*command, "--json", "--quiet"]) == 0
    again, err = capsys.readouterr()
    assert json.loads(again)["findings"] == read["findings"]
    assert "steps" not in err


def test_a_table_with_a_pipeline_of_scikit_learn(place, capsys):
    wine = load_wine()
    header = ",".join([*(name.replace(",", " ") for name in wine.feature_names), "Class"])
    lines = [
        ",".join([*map(repr, map(float, row)), wine.target_names[label]])
        for row, label in zip(wine.data, wine.target, strict=True)
    ]
    (place / "wine.csv").write_text("\n".join([header, *lines]) + "\n")
    command = [
        "distill",
        "--teacher",
        "own_nets:wine",
        "--floor",
        "1e-2",
        "--data",
        "wine.csv",
        "--budget.epochs",
        "20",
    ]
    assert main([*command, "--seeds", "2", "--no-ship", "--out", "run"]) == 0
    out, err = capsys.readouterr()
    assert "label: column 'Class', 3 classes: class_0, class_1, class_2" in err
    assert "a student is proposed: MLP on standardised inputs, 18,691 parameters\n  13 → 128 → 128 → 3" in err
    assert "no test set is there: 35 of 178 rows" in err
    assert "the teacher is right on 100.0% of 14 rows of the validation set, on which it may have been trained" in err
    assert "2 paired seeds" in out
    test_set = read_test_set(place / "run")
    number = int(test_set.origins[4].removeprefix("wine.csv, row "))
    assert test_set.inputs[4].tolist() == wine.data[number - 1].astype(np.float32).tolist()
    taught_on_these = "held out from student and twin alone: the teacher may have been trained on them"
    assert taught_on_these in out
    assert (place / "run" / "report.html").read_text().count(taught_on_these) == 1
    read, rows = told(place / "run")
    assert taught_on_these in read["findings"][-1]
    assert rows["teacher", "test errors"] == [0]  # it is one, of both seeds
    assert rows["teacher", "agreement"] == [1.0]
    assert len(rows["twin", "test errors"]) == 2
    assert re.search(r"\nteacher +1 ", out)
    assert [len(read["judgements"][setting]) for setting in ("teacher", "twin", "student")] == [1, 2, 2]
    assert max(rows["student", "test errors"]) <= 6
    stores = sorted(path.parent.relative_to(place / "run") for path in (place / "run").rglob("manifest.json"))
    assert [str(path) for path in stores] == ["targets", "targets-test", "targets-validation"]


def write_parquet(folder, *, labelled=True):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 240)
    vectors = (rng.normal(size=(240, 12)) + 2 * np.eye(3, 12)[labels]).astype(np.float32)
    table = pa.table({"text": [f"text {number}" for number in range(240)], "vector": list(vectors)})
    if labelled:
        table = table.append_column("intent", pa.array(np.array(["ask", "book", "cancel"])[labels]))
    folder.mkdir()
    for name, start, count in (("train", 0, 160), ("validation", 160, 40), ("test", 200, 40)):
        pq.write_table(table.slice(start, count), folder / f"{name}.parquet")
    return torch.from_numpy(vectors[:160]), torch.from_numpy(labels[:160])


def test_features_of_texts_with_two_nets_whose_logits_are_an_attribute(place, capsys):
    import own_nets

    inputs, labels = write_parquet(place / "intents")
    for seed in (0, 1):
        torch.manual_seed(seed)
        save_file(trained(own_nets.OnVectors(), inputs, labels), f"{seed}.safetensors")
    command = ["distill", "--teacher", "own_nets:OnVectors", "own_nets:OnVectors", "--teacher-weights"]
    command += ["0.safetensors", "1.safetensors", "--student", "own_nets:small"]
    command += ["--data", "intents", "--label", "intent", "--budget.epochs", "30", "--budget.learning-rate", "1e-2"]
    assert main([*command, "--controls", "permuted", "--no-ship", "--out", "run"]) == 0
    out, err = capsys.readouterr()
    assert "inputs: column 'vector'; left out: 'text'" in err
    assert "cut off" not in err
    assert [line.split()[0] for line in out.splitlines()[1:4]] == ["teacher", "ensemble", "twin"]
    _, rows = told(place / "run")
    one = sum(each.numel() for each in own_nets.OnVectors().parameters())
    assert rows["ensemble", "parameters"] == [2 * one]
    assert rows["student", "parameters"] == [12 * 8 + 8 + 8 * 3 + 3]
    assert rows["student", "agreement"][0] > 0.6


def test_without_labels_the_teacher_is_the_measure(place, capsys):
    import own_nets

    inputs, labels = write_parquet(place / "intents", labelled=False)
    save_file(trained(own_nets.OnVectors(), inputs, labels), "net.safetensors")
    command = [
        "distill",
        "--teacher",
        "own_nets:OnVectors",
        "--teacher-weights",
        "net.safetensors",
        "--data",
        "intents",
    ]
    command += [
        "--student",
        "own_nets:small",
        "--budget.epochs",
        "30",
        "--budget.learning-rate",
        "1e-2",
        "--out",
        "run",
    ]
    assert main([*command, "--seeds", "2"]) == 0
    out, err = capsys.readouterr()
    assert "labels: none are used (no column is called label" in err
    assert "There are no labels, and so no label-only twin" in out
    assert re.search(r"chooses the teacher's class on \d\d\.\d% of 40 test rows \(mean of 2 seeds, sd ", out)
    assert out.split()[:4] == ["model", "seeds", "agreement", "parameters"]
    read, rows = told(place / "run")
    assert rows["teacher", "agreement"] == [1.0]
    assert rows["teacher", "KL (nats)"] == [0.0]
    assert read["cast"] == {"teacher": "teacher", "student": "student"}
    assert not any(metric == "test errors" or setting.startswith("twin") for setting, metric in rows)
    net, student = own_nets.OnVectors(), own_nets.small()
    net.load_state_dict(load_file("net.safetensors"))
    student.load_state_dict(
        {name.removeprefix("net."): each for name, each in load_file("run/student.safetensors").items()}
    )
    test = torch.tensor(pq.read_table(place / "intents" / "test.parquet")["vector"].to_pylist())
    with torch.no_grad():
        own, its = student(test).logits.double().log_softmax(1), net(test).logits.double().log_softmax(1)
    kl = float((its.exp() * (its - own)).sum(1).mean())
    assert min(abs(kl - value) for value in rows["student", "KL (nats)"]) < 1e-5
    assert float((own.argmax(1) == its.argmax(1)).double().mean()) in rows["student", "agreement"]
    page = (place / "run" / "report.html").read_text()
    assert "There are no labels, and so no label-only twin" in page
    assert main(["report", "run"]) == 0
    assert main(["bench", "run"]) == 0
    assert main(["export", "run"]) == 0
    assert "test_errors" not in capsys.readouterr().out
    assert main([*command, "--seeds", "2", "--controls", "smoothed"]) == 2
    assert "controls need labels, there are none, got smoothed" in capsys.readouterr().err
    assert main([*command, "--hard-weight", "0.5"]) == 2
    assert "hard_weight" in capsys.readouterr().err


def test_little_data_is_seen_more_often(place, capsys, monkeypatch):
    monkeypatch.setattr("limbeck.cli.distilling.STEPS", 40)
    write_parquet(place / "intents")
    command = ["distill", "--teacher", "own_nets:taught", "--data", "intents", "--label", "intent", "--student"]
    assert main([*command, "own_nets:small", "--budget.batch-size", "160", "--no-ship", "--out", "run"]) == 0
    assert "student and twin may spend 40 epochs (--budget.epochs)" in capsys.readouterr().err
    read, _ = told(place / "run")
    assert len((place / "run" / "seed-0" / "student" / "curves.csv").read_text().splitlines()) == 1 + 40
    assert read["config"]["budget"]["epochs"] == 40
    assert read["config"]["hard_weight"] == 0.1
    page = (place / "run" / "report.html").read_text()
    assert re.search(r"epochs</t[dh]>\s*<td[^>]*>40<", page)


def test_a_default_and_the_same_budget_given_are_one_run_and_another_is_not(place, capsys):
    write_parquet(place / "intents")
    command = ["distill", "--teacher", "own_nets:taught", "--data", "intents", "--label", "intent", "--student"]
    command += ["own_nets:small", "--budget.batch-size", "1", "--no-ship", "--quiet", "--json"]
    folders = []
    for epochs in ((), ("--budget.epochs", "2"), ("--budget.epochs=3",), ("--budget.epochs", "2")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("limbeck.cli.distilling.EPOCHS", (2, 2))
            torch.manual_seed(0)
            assert main([*command, *epochs]) == 0
        folders.append(json.loads(capsys.readouterr().out)["folder"])
    assert folders[0] == folders[1] == folders[3] != folders[2]


def test_there_is_no_option_that_changes_nothing(place, capsys):
    with pytest.raises(SystemExit):
        main(["distill", "--teacher", "own_nets:taught", "--data", "digits", "--batch-size", "8"])
    assert "Unrecognized options: --batch-size" in capsys.readouterr().err


def on_columns_of_a_frame():
    """Return an estimator that was fitted on columns of a DataFrame, the other way round."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"b": [0.0, 1.0, 0.0, 1.0], "a": [5.0, 5.0, 5.0, 5.0]})
    return LogisticRegression().fit(frame, ["no", "yes", "no", "yes"])


def test_an_estimator_is_asked_about_the_columns_that_it_was_fitted_on(place, capsys, monkeypatch):
    import own_nets

    monkeypatch.setattr(own_nets, "fitted", on_columns_of_a_frame, raising=False)
    rows = "".join(f"5,{row % 2},{'yes' if row % 2 else 'no'}\n" for row in range(20))
    (place / "t.csv").write_text("a,b,label\n" + rows)
    command = ["distill", "--teacher", "own_nets:fitted", "--data", "t.csv", "--budget.epochs", "1", "--no-ship"]
    assert main([*command, "--out", "run"]) == 2
    assert "was fitted on, in that order: b, a; they are a, b\n\nhint: --inputs b a\n" in capsys.readouterr().err
    assert main([*command, "--out", "run", "--inputs", "b", "a"]) == 0
    assert "the teacher is right on 100.0%" in capsys.readouterr().err
    assert read_test_set(place / "run").column_names == ("b", "a")


def test_rows_that_train_and_test_share_are_counted_and_told(place, capsys):
    write_parquet(place / "intents")
    train, test = (pq.read_table(place / "intents" / f"{name}.parquet") for name in ("train", "test"))
    pq.write_table(pa.concat_tables([test.slice(3), train.slice(7, 3)]), place / "intents" / "test.parquet")
    command = ["distill", "--teacher", "own_nets:taught", "--student", "own_nets:small", "--data", "intents", "--label"]
    assert main([*command, "intent", "--budget.epochs", "1", "--no-ship", "--out", "run"]) == 0
    out, err = capsys.readouterr()
    said = "3 of 40 test rows are among the training rows too, value for value: figures on them flatter what knows"
    assert said in out
    assert said in err
    assert said in (place / "run" / "report.html").read_text()
    assert "held out from student" not in out
    assert "There are 40 test rows: one more right or wrong is 2 points of accuracy." in out


def test_labels_of_arrays_outside_the_teachers_classes_are_said(place, capsys):
    (place / "arrays").mkdir()
    np.save(place / "arrays" / "inputs.npy", np.zeros((40, 12), np.float32))
    np.save(place / "arrays" / "labels.npy", np.where(np.arange(40) == 9, 2**31 - 1, np.arange(40) % 3))
    assert main(["distill", "--teacher", "own_nets:taught", "--data", "arrays", "--out", "run"]) == 2
    assert "must lie in 0..2, got 0..2147483647" in capsys.readouterr().err


WRONG = [
    ((), "a teacher must be named, got none"),
    (("--teacher", "own_nets:one_output"), "a teacher must give a logit for each class, this one gives one"),
    (("--teacher", "own_nets:wide"), "the teacher must give a logit for each of the 3 classes of the data, it gives 5"),
    (
        ("--teacher", "own_nets:on_images"),
        "the teacher must judge the intents training set: a model must judge a batch",
    ),
    (("--teacher", "own_nets:softmaxed"), "a teacher must give logits, got probabilities"),
    (("--teacher", "own_nets:softmaxed"), "hint: a net: leave its last softmax off, net[-1] = nn.Identity() say; an O"),
    (("--teacher", "own_nets:wine"), "an estimator's labels must be 0..2, or ask, book, cancel, Pipeline has class_0"),
    (
        ("--teacher", "own_nets:wine"),
        "hint: fit it to the data's own labels; or, where its classes are these under other ",
    ),
    (
        ("--teacher", "own_nets:recurrent"),
        "a student can't be proposed: only linear and convolutional layers and norms",
    ),
    (("--teacher", "own_nets:taught", "--student", "own_nets:wide"), "the student must give 3 logits, as many as the"),
    (("--teacher", "own_nets:taught", "--student", "own_nets:NETS"), "the module own_nets must have 'NETS'"),
    (
        ("--teacher", "own_nets:taught", "--student", "own_nets:wine"),
        "a student must be a torch.nn.Module, own_nets:wine",
    ),
    (
        ("--teacher", "own_nets:taught", "--mean", "1", "2"),
        "the teacher must judge the intents training set: inputs must",
    ),
    (
        ("--teacher", "own_nets:taught", "--floor", "0.1"),
        "a floor is for teachers that give probabilities, own_nets:tau",
    ),
    (("--teacher", "own_nets:taught", "--label", "kind"), "must have the column 'kind', it has text, vector, intent"),
    (("--teacher", "own_nets:taught", "--seeds", "0"), "seeds must lie in 1..1000, got 0"),
    (("--teacher", "own_nets:taught", "--hard-weight", "2"), "hard_weight must lie in 0..1, got 2.0"),
    (("--teacher", "own_nets:taught", "--view", "jitter:1"), "jitter takes images"),
    (
        ("--teacher", "own_nets:taught", "--teacher-weights", "none.safetensors"),
        "weights must be a safetensors file, there is none at none.safetensors\n\nhint: look at the path",
    ),
    (
        ("--teacher", "own_nets:taught", "--student", "own_nets:small", "--student-parameters", "9"),
        "student-parameters are of a student that is proposed, got --student own_nets:small too",
    ),
    (
        ("--teacher", "own_nets:taught", "--student-parameters", "131"),
        "must lie in 1..130, for the teacher that is nar",
    ),
    (("--teacher", "own_nets:taught", "--scale", "0"), "scale must be > 0 and finite in float32, got 0.0"),
    (("--teacher", "own_nets:OnVectors"), "own_nets:OnVectors must make the same teacher each time, two that it made"),
    (("--teacher", "own_nets:guessing"), "a teacher must say the same of the same rows, asked twice about 64 its logi"),
    (("--teacher", "own_nets:Leaving", "--teacher-weights", "linear.safetensors"), "it raised SystemExit: enough"),
    (("--teacher", "own_nets:without_values"), "a net must hold its weights, Linear has 'weight' on the meta device"),
    (("--teacher", "own_nets:locked"), "a student can't be proposed: a net must be one that can be copied, Locked is"),
    (("--teacher", "own_nets:taught", "--student", "own_nets:locked"), "a net must be one that can be copied, Locked"),
    (("--teacher", "own_nets:taught", "--student", "own_nets:without_values"), "a net must hold its weights, Linear"),
    (("--teacher", "own_nets:taught", "--student", "own_nets:LossesBeside"), "batch, got tuple for 16 inputs"),
    (("--teacher", "own_nets:taught", "--student", "own_nets:Detached"), "must give logits with a gradient, these"),
    (("--teacher", "own_nets:taught", "--student", "own_nets:Complex"), "must be real numbers, 'layer.weight' is t"),
    (("--teacher", "own_nets:taught", "--student", "own_nets:LeavingTraining"), "mode it raised SystemExit: enough"),
    (
        ("--teacher", "own_nets:taught", "--student", "own_nets:Normed", "--budget.batch-size", "53"),
        "the last of 160 examples in batches of 53\n\nhint: choose another batch_size, 54 say: --budget.batch-size",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_what_does_not_fit_is_said_before_anything_is_trained(place, capsys, arguments, message):
    write_parquet(place / "intents")
    label = () if "--label" in arguments else ("--label", "intent")
    save_file(torch.nn.Linear(12, 3).state_dict(prefix="layer."), "linear.safetensors")
    assert main(["distill", "--data", "intents", *label, *arguments, "--out", "run"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert not (place / "run").exists()


def test_weights_are_looked_at_before_the_data(place, capsys):
    command = ["distill", "--data", "nowhere.csv", "--teacher", "own_nets:small", "--teacher-weights"]
    save_file(torch.nn.Linear(12, 3).state_dict(), "linear.safetensors")
    (place / "pickle.pt").write_bytes(b"no tensors")
    for weights, message in (
        ("none.safetensors", "there is none at none.safetensors"),
        ("pickle.pt", "pickle.pt must be a safetensors file"),
        ("linear.safetensors", "linear.safetensors must hold the weights of own_nets:small"),
    ):
        assert main([*command, weights]) == 2
        assert message in capsys.readouterr().err


def test_a_hint_for_pixels_is_given_where_a_net_fails_on_them():
    pixels = TransferSet(torch.zeros(2, 3, dtype=torch.uint8))
    for net, hint in ((torch.nn.Linear(3, 2), "--scale 255 gives it pixels"), (torch.nn.Flatten(0), "None")):
        with pytest.raises(ArgumentError, match="the teacher must judge the") as caught:
            ready_teacher(net, Preprocessing(), pixels)
        assert str(caught.value.hint).startswith(hint)
