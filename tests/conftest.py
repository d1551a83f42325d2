"""Tests use one thread: their nets are small, and the machine may be busy."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, here and in the processes that tests start

import jaxtyping
import pytest


@pytest.fixture
def shapes_unchecked():
    """Leave shapes to our own refusal, where that is what is tested."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
