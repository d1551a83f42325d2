"""Trainings that stop in the middle, as if they were killed."""

from limbeck.training import loop


class Stopped(Exception):
    """Raised in the place of a kill."""


def stop_after(patch, count):
    """Let trainings raise Stopped before the step after `count`."""
    real, steps = loop._Training._set_rate, 0

    def dying(self):
        nonlocal steps
        steps += 1
        if steps > count:
            raise Stopped
        return real(self)

    patch.setattr(loop._Training, "_set_rate", dying)
