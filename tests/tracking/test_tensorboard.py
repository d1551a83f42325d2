"""TensorBoard's events hold a run's settings, figures and findings, and no curve twice."""

import shutil

import pytest
from events import values
from lightning_fabric.loggers.logger import Logger

from limbeck.progress import Progress
from limbeck.run_json import read_run
from limbeck.tracking.sending import send
from limbeck.tracking.tensorboard import TensorBoard


def told(folder):
    (path,) = (folder / "tensorboard").iterdir()
    return list(values(path))


def scalars(folder):
    return {(value.tag, step): value.simple_value for step, value in told(folder) if value.HasField("simple_value")}


def texts(folder):
    return {
        value.tag: value.tensor.string_val[0].decode()
        for _, value in told(folder)
        if value.tag.endswith("text_summary")
    }


def settings(folder):
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    [data] = [value for _, value in told(folder) if value.tag == "_hparams_/session_start_info"]
    content = data.metadata.plugin_data.content
    return HParamsPluginData.FromString(content).session_start_info.hparams


def test_a_run_is_told_to_tensorboard_by_default(run):
    rows = {(row["setting"], row["metric"]): row for row in read_run(run)["rows"]}
    errors, own = rows["student", "test errors"], scalars(run)
    assert own["student/test_errors", 2] == errors["mean"]
    assert own["student/test_errors_sd", 2] == pytest.approx(errors["sd"])
    assert [own["student/test_errors_by_seed", seed] for seed in (0, 1)] == errors["values"]
    assert len({name for name, step in own if step == 2 and not name.endswith(("_sd", "_by_seed"))}) == len(
        [row for row in rows.values() if row["n"] == 2]
    )
    assert settings(run)["temperature"].number_value == 4
    assert settings(run)["student.precision"].string_value == "32-true"
    assert settings(run)["teacher_hidden"].string_value == "[16]"
    assert "\n\n".join(read_run(run)["findings"]) in texts(run)["findings/text_summary"]
    assert "The page: report.html" in texts(run)["findings/text_summary"]
    assert f"| commit | {read_run(run)['commit']} |" in texts(run)["tags/text_summary"]
    assert read_run(run)["trackers"] == [{"name": "tensorboard", "where": "tensorboard", "id": "digits-run"}]


def test_curves_that_lie_in_the_cache_are_told_and_those_in_the_folder_are_not_told_twice(run):
    assert not any(name.startswith("seed_") for name, _ in scalars(run))
    shutil.rmtree(run / "seed-0" / "twin" / "tensorboard")
    send(run, [TensorBoard(run / "tensorboard")], lambda _: None, Progress())
    curves = {name for name, _ in scalars(run) if name.startswith("seed_")}
    assert curves == {f"seed_0/twin/{key}" for key in ("loss", "learning_rate", "validation_nll", "validation_errors")}


def test_it_is_one_of_fabrics_loggers(run):
    logger = TensorBoard(run / "tensorboard")
    assert isinstance(logger, Logger)
    assert (logger.name, logger.version) == ("tensorboard", "digits-run")
    assert (logger.root_dir, logger.log_dir) == (str(run), str(run / "tensorboard"))
