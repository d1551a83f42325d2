"""Shapes are checked in every test by jaxtyping and beartype, except where our own refusal is what is tested."""

import jaxtyping
import pytest


@pytest.fixture
def shapes_unchecked():
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
