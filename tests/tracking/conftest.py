"""A finished run that nobody trains again: each test sends a copy of it."""

import os
import shutil

for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ[name] = "true"
os.environ["WANDB_ERROR_REPORTING"] = "false"

import pytest

from limbeck.cli import main


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "digits-run"
    arguments = ("--smoke", "--seeds", "2", "--members", "1", "--tracker", "tensorboard", "--quiet", "--json")
    assert main(["run", "digits", *arguments, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """A folder with a finished run, to be changed at will."""
    return shutil.copytree(finished, tmp_path / "digits-run")
