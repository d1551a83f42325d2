"""Reading ahead: in order, one reading ahead, with no thread left behind."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
import torch

from limbeck.training.ahead import ahead


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("limbeck-reader")]


@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_what_is_read_comes_in_order(count):
    def reading(number):
        time.sleep(0.002 * (number % 3))
        return number

    assert list(ahead(partial(reading, number) for number in range(count))) == list(range(count))
    assert not readers()


def test_the_next_one_is_read_while_one_is_used_and_no_more():
    begun = []
    second = threading.Event()

    def reading(number):
        begun.append(number)
        if number == 1:
            second.set()
        return number, threading.current_thread()

    read = ahead(partial(reading, number) for number in range(10))
    number, thread = next(read)
    assert second.wait(5)
    assert (number, begun) == (0, [0, 1])
    assert thread is not threading.main_thread()
    assert next(read)[1] is thread
    read.close()


class Broken(Exception):
    pass


@pytest.mark.parametrize("at", [0, 1, 4])
def test_an_error_comes_through_in_its_place(at):
    def reading(number):
        if number == at:
            raise Broken(f"reading {number}")
        return number

    read = ahead(partial(reading, number) for number in range(5))
    assert [next(read) for _ in range(at)] == list(range(at))
    with pytest.raises(Broken, match=f"reading {at}"):
        next(read)
    assert not readers()


def test_an_error_in_naming_the_readings_comes_through():
    def readings():
        yield lambda: 0
        yield lambda: 1
        raise Broken("no third")

    read = ahead(readings())
    assert next(read) == 0
    with pytest.raises(Broken, match="no third"):
        list(read)
    assert not readers()


@pytest.mark.parametrize("used", [1, 3])
def test_closed_early_it_leaves_no_thread(used):
    done = []

    def reading(number):
        time.sleep(0.01)
        done.append(number)
        return number

    read = ahead(partial(reading, number) for number in range(100))
    for number in range(used):
        assert next(read) == number
    read.close()
    assert not readers()
    assert len(done) <= used + 1


def test_an_error_of_the_user_leaves_no_thread_and_hides_nothing():
    def spoiled():
        raise Broken("the next reading")

    def use():
        with contextlib.closing(ahead([lambda: 0, spoiled])) as read:
            return [1 / number for number in read]

    with pytest.raises(ZeroDivisionError):
        use()
    assert not readers()


def test_the_reader_computes_with_one_thread_and_the_others_with_theirs():
    program = """
import threading, torch
from limbeck.training.ahead import ahead
assert torch.get_num_threads() == 2
read = ahead([torch.get_num_threads] * 3)
assert next(read) == 1
assert torch.get_num_threads() == 2
later = []
thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
thread.start()
thread.join()
assert list(read) == [1, 1]
print(torch.get_num_threads(), later)
"""
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.stdout == "2 [2]\n", done.stderr


def test_tensors_are_handed_over_as_they_are():
    tensors = [torch.full((3,), float(number)) for number in range(3)]
    read = list(ahead(partial(tensors.__getitem__, number) for number in range(3)))
    assert all(ours is theirs for ours, theirs in zip(read, tensors, strict=True))
