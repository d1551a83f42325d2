"""The field's parts: they can be had in any order, and what is missing is told."""

import subprocess
import sys

import pytest

from limbeck import ArgumentError
from limbeck.acoustic.needed import needed

pytest.importorskip("kaldi_hmm_gmm")


def test_another_part_may_be_asked_for_first():
    asked = "from limbeck.acoustic.needed import needed; needed('kaldifst'); print(needed('kaldi_hmm_gmm').__name__)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "kaldi_hmm_gmm\n"), done.stderr


def test_what_is_missing_is_told():
    with pytest.raises(ArgumentError, match="speech needs the package no-such-part\n\nhint: pip install 'limbeck\\[sp"):
        needed("no_such_part")
