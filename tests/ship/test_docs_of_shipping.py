"""What docs/shipping.md says is so: its program runs on what a run of digits ships."""

import re
from pathlib import Path

import torch

import limbeck
from limbeck.data import load_digits
from limbeck.models import MLP

PAGE = Path(__file__).parents[2] / "docs" / "shipping.md"


def test_the_program_runs(tmp_path, monkeypatch, capsys):
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    _, test_set = load_digits()
    torch.manual_seed(0)
    net = MLP([64, 16, 10], scale=16)
    monkeypatch.chdir(tmp_path)
    limbeck.export_onnx(net, test_set, "student.onnx")
    names = {}
    exec(program, names)
    chosen = net(torch.from_numpy(names["images"])).argmax(1).tolist()
    assert capsys.readouterr().out == f"{[str(each) for each in chosen]}\n"
