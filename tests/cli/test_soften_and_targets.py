"""`limbeck soften` and `limbeck targets` as they are used: processes, judged by what they print and leave."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from limbeck import SoftTargets
from limbeck.cli import STORE_VERBS, TARGETS_HELP
from limbeck.data import load_data
from limbeck.models import MLP
from limbeck.teachers import predict

LIMBECK = Path(sys.executable).with_name("limbeck")
NETS = """
import torch
from limbeck.models import MLP

def big(seed=0):
    torch.manual_seed(seed)
    return MLP([64, 16, 10], scale=16)

def other():
    return big(1)

def softmaxed():
    return torch.nn.Sequential(big(), torch.nn.Softmax(-1))

number = 7
"""


def limbeck(*arguments, cwd):
    return subprocess.run([LIMBECK, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)


def told(*arguments, cwd):
    done = limbeck(*arguments, "--json", "--quiet", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    (folder / "nets.py").write_text(NETS)
    arrays = folder / "arrays"
    arrays.mkdir()
    np.save(arrays / "inputs.npy", np.random.default_rng(0).integers(0, 17, (40, 1, 8, 8)).astype(np.uint8))
    np.save(arrays / "labels.npy", np.arange(40) % 10)
    return folder


@pytest.fixture(scope="module")
def store(place):
    """Two teachers, three jittered views, written by two writers."""
    command = ("soften", "--teacher", "nets:big", "nets:other", "--data", "digits", "--view", "jitter:1")
    for part in ("2/2", "1/2"):
        facts = told(*command, "--views", 3, "--out", "store", "--shard", part, cwd=place)
    assert facts["finished"] is True
    return place / "store"


def test_what_is_kept_is_what_the_teacher_says(place, store):
    sys.path.insert(0, str(place))
    import nets

    targets = SoftTargets.open(store)
    assert (targets.num_members, targets.num_views, targets.num_classes) == (2, 3, 10)
    data = load_data("digits")
    from limbeck.data import Jitter

    expected = predict(nets.other(), data.seen_through(Jitter(1)), number=2)
    expected = expected - expected.amax(-1, keepdim=True)
    stored = targets.averaged(weights=[0, 1]).logits(data.ids, 2, temperature=1.0)
    torch.testing.assert_close(stored, expected, rtol=2e-3, atol=1e-6)


def test_info_tells_it_in_words_and_numbers(place, store):
    facts = told("targets", "info", store, cwd=place)
    assert facts["examples"] == 900
    assert facts["rows"] == 2700
    assert facts["encoding"] == {"name": "dense", "dtype": "float16", "temperatures": None}
    assert 0 < facts["teachers"][1]["accuracy"] < 1
    words = limbeck("targets", "info", store, cwd=place).stdout
    assert "dense, dtype float16" in words
    assert "teacher 2" in words
    assert "right on" in words


def test_verify_compares_files_and_asks_the_teacher_again(place, store):
    again = ("targets", "verify", store, "--recompute", 20, "--data", "digits", "--teacher")
    facts = told(*again, "nets:big", "nets:other", cwd=place)
    assert facts["largest_difference"] < 1e-3
    done = limbeck(*again, "nets:other", "nets:big", cwd=place)
    assert done.returncode == 2
    assert "must be what the teacher says, within 0.01" in done.stderr
    path = store / "teacher-1" / "00000.arrow"
    whole = path.read_bytes()
    path.write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
    done = limbeck("targets", "verify", store, cwd=place)
    path.write_bytes(whole)
    assert done.returncode == 2
    assert "00000.arrow is damaged" in done.stderr


def test_exported_and_imported_it_is_the_same(place, store):
    told("targets", "export", store, "--parquet", "table.parquet", cwd=place)
    told("targets", "import", "table.parquet", "--out", "again", cwd=place)
    assert SoftTargets.open(place / "again").fingerprint == SoftTargets.open(store).fingerprint
    done = limbeck("targets", "export", store, "--parquet", "table.parquet", cwd=place)
    assert done.returncode == 2
    assert "table.parquet is there already" in done.stderr


def test_fuse_writes_the_mean_for_its_temperature(place, store):
    told("targets", "fuse", store, "--temperature", 4, "--out", "fused", cwd=place)
    fused, ids = SoftTargets.open(place / "fused"), torch.arange(900)
    ids = load_data("digits").ids
    expected = (SoftTargets.open(store).logits(ids, 1, temperature=4.0) / 4).softmax(-1)
    torch.testing.assert_close((fused.logits(ids, 1, temperature=4.0) / 4).softmax(-1), expected, rtol=2e-3, atol=1e-5)
    assert fused.encoding.temperatures == (4.0,)


def test_a_member_is_added_later(place):
    first = told("soften", "--teacher", "nets:big", "--data", "digits", "--out", "grown", cwd=place)
    command = ("soften", "--teacher", "nets:other", "--data", "digits", "--out", "grown")
    refused = limbeck(*command, cwd=place)
    assert refused.returncode == 2
    assert "--add" in refused.stderr
    facts = told(*command, "--add", cwd=place)
    assert facts["teachers"][0] == first["teachers"][0]
    assert len(facts["teachers"]) == 2


def test_weights_come_from_safetensors(place):
    torch.manual_seed(5)
    net = MLP([64, 16, 10], scale=16)
    save_file(net.state_dict(), place / "net.safetensors")
    told(
        "soften",
        *("--teacher", "nets:big", "--teacher-weights", "net.safetensors"),
        *("--data", "digits", "--out", "weighted", "--encoding", "float32"),
        cwd=place,
    )
    data = load_data("digits")
    expected = predict(net, data)
    stored = SoftTargets.open(place / "weighted").logits(data.ids, temperature=1.0)
    torch.testing.assert_close(stored, expected - expected.amax(-1, keepdim=True))


def test_a_folder_of_arrays_is_a_data_set(place):
    options = ("--encoding", "top_k", "--k", 3, "--temperatures", 1, 4)
    facts = told("soften", "--teacher", "nets:big", "--data", "arrays", "--out", "own", *options, cwd=place)
    assert facts["examples"] == 40
    assert facts["encoding"] == {"name": "top_k", "k": 3, "temperatures": [1.0, 4.0]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "digits"), "a teacher must be named, got none"),
        (("--teacher", "nets:big"), "data must be named, got none"),
        (("--teacher", "nets", "--data", "digits"), "must be named as module:name, got 'nets'"),
        (("--teacher", "nets:none", "--data", "digits"), "the module nets must have 'none'"),
        (("--teacher", "nowhere:net", "--data", "digits"), "the module of 'nowhere:net' can't be imported"),
        (
            ("--teacher", "nets:number", "--data", "digits"),
            "nets:number must be a net, a teacher or a function that makes one",
        ),
        (("--teacher", "none.onnx", "--data", "digits"), "none.onnx"),
        (("--teacher", "nets:softmaxed", "--data", "digits"), "a teacher must give logits, got probabilities"),
        (
            ("--teacher", "nets:big", "--data", "mmnist"),
            "data must be one of digits, mnist, cifar10, cifar100, letters, clinc150, an4, fsdd, a file, a folder",
        ),
        (
            ("--teacher", "nets:big", "--data", "digits", "--shard", "0/2"),
            "shard must be i/n with 1 <= i <= n, got '0/2'",
        ),
        (("--teacher", "nets:big", "--data", "digits", "--shard", "x"), "shard must be i/n, as in 1/4, got 'x'"),
        (("--teacher", "nets:big", "--data", "digits", "--view", "blur:2"), "a view must be one of plain, jitter"),
        (("--teacher", "nets:big", "--data", "digits", "--encoding", "top_k"), "temperatures must be 1 to 100 numbers"),
        (("--teacher", "nets:big", "--data", "digits", "--temperatures", 4), "float16 serves every temperature"),
        (("--teacher", "nets:big", "--data", "digits", "--k", 4), "--k is for top_k, the encoding is float16"),
        (("--teacher", "nets:big", "--data", "digits", "--gives", "probs"), "are for ONNX teachers, there is none"),
        (("--teacher", "nets:big", "--data", "arrays", "--split", "test"), "arrays has no splits, got 'test'"),
        (
            ("--teacher", "nets:big", "--data", "digits", "--teacher-weights", "a", "b"),
            "teacher-weights must be one file",
        ),
        (("--teacher", "nets:big", "--data", "digits", "--teacher-weights", "nets.py"), "must be a safetensors file"),
    ],
)
def test_bad_input_gets_one_message_and_leaves_nothing(place, arguments, message):
    done = limbeck("soften", *arguments, "--out", "none", cwd=place)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((place / "none").rglob("*.arrow"))


def test_help_does_not_wait_for_torch(place):
    for verb in ("soften", "targets info", "targets verify", "targets export", "targets import", "targets fuse"):
        program = f"import sys; from limbeck.cli import main; main({[*verb.split(), '--help']!r})"
        done = subprocess.run(
            [sys.executable, "-c", f"try:\n {program}\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"],
            capture_output=True,
            text=True,
            cwd=place,
        )
        assert done.returncode == 0, done.stderr
        assert "--" in done.stdout


def test_one_net_named_twice_has_its_own_weights_each_time(place):
    (place / "one.py").write_text("import nets\nnet = nets.big()\n")
    for seed in (8, 9):
        torch.manual_seed(seed)
        save_file(MLP([64, 16, 10], scale=16).state_dict(), place / f"{seed}.safetensors")
    weights = ("--teacher-weights", "8.safetensors", "9.safetensors")
    facts = told("soften", "--teacher", "one:net", "one:net", *weights, "--data", "digits", "--out", "two", cwd=place)
    assert len({teacher["fingerprint"] for teacher in facts["teachers"]}) == 2


def test_the_verbs_of_stores_are_those_that_help_names():
    named = re.findall(r"^  (\w+) [A-Z]+ ", TARGETS_HELP, re.MULTILINE)
    assert named == list(STORE_VERBS)
