"""The program of docs/specialists.md runs, and what it makes is what it says."""

import re
from pathlib import Path

import torch
from torch.testing import assert_close

PAGE = Path(__file__).parents[2] / "docs" / "specialists.md"


def test_the_program_runs(tmp_path, monkeypatch):
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names = {}
    exec(program, names)
    sets, together = names["sets"], names["together"]
    assert [len(own) for own in sets] == [4, 4, 4]
    assert {each for own in sets for each in own} == set(range(10))
    assert_close(together.sum(1), torch.ones(len(together)))
    assert ((together - names["probs"]).abs().max(1).values > 1e-4).any()
    right = together.argmax(1) == names["test_set"].labels_to_judge()
    assert right.float().mean() > 0.85
