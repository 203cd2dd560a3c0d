"""SIGTERM and SIGHUP count as Ctrl-C does (R21)."""

import os
import pickle
import signal
import threading
import time

import pytest

from mmflamingo.engine.config.cli import user_errors
from mmflamingo.engine.signals import ENDING, Ended, signals_end_as_ctrl_c


@pytest.fixture(autouse=True)
def nothing_ignored():
    """As in a terminal, also where the tests run under nohup or in the background."""
    defaults = {signal.SIGINT: signal.default_int_handler} | dict.fromkeys(ENDING, signal.SIG_DFL)
    former = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ('number', 'said'),
    [(signal.SIGINT, 'Interrupted.'), (signal.SIGTERM, 'Ended by SIGTERM.'), (signal.SIGHUP, 'Ended by SIGHUP.')],
)
def test_the_exit_status_tells_the_signal(number, said, capsys):
    kept = []
    with pytest.raises(SystemExit) as end, user_errors():
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        except KeyboardInterrupt:
            kept.append('what there is')
            raise
    assert end.value.code == 128 + number and kept
    assert capsys.readouterr().err == f'\n{said}\n'
    assert all(signal.getsignal(number) is signal.SIG_DFL for number in ENDING)


def test_what_is_ignored_stays_so():
    """As under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_end_as_ctrl_c():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_a_process_that_was_forked_off_just_ends():
    with signals_end_as_ctrl_c():
        child = os.fork()
        if not child:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
            finally:
                os._exit(77)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM


def test_in_a_thread_nothing_is_handled():
    outcome = []

    def run():
        with user_errors():
            outcome.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert outcome == [signal.SIG_DFL]


def test_ranks_may_tell_each_other():
    assert pickle.loads(pickle.dumps(Ended(15))).number == 15
