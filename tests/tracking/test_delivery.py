"""Records whose MLflow store is unreachable."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ofa_bench.commands.cli.messages import show_logs
from ofa_bench.config.schema import TrackingConfig
from ofa_bench.errors import InputError
from ofa_bench.tracking import delivery
from ofa_bench.tracking.delivery import log_with_retries, try_log

HTTP = TrackingConfig("http://127.0.0.1:1")


class Store:
    """A tracker of a fake store; fails a given number of times, or hangs."""

    def __init__(self, failures=0, hang=None):
        self.asked, self.failures, self.hang = 0, failures, hang

    def log(self, _):
        self.asked += 1
        if self.hang:
            self.hang.wait(20)
        if self.asked <= self.failures:
            raise ConnectionError("away") from ConnectionRefusedError(111, "Connection refused")
        return "logged"


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that goes only where it is told to, and no tracker of a real store."""

    class Clock:
        now = 1000.0
        slept = ()

        def sleep(self, seconds):
            self.now += seconds
            self.slept += (seconds,)

    one = Clock()
    show_logs()
    monkeypatch.setattr(delivery.time, "monotonic", lambda: one.now)
    monkeypatch.setattr(delivery.time, "sleep", one.sleep)
    monkeypatch.setattr(delivery, "_tracker", lambda *_: None)
    monkeypatch.setattr(delivery, "_away", {})
    return one


def test_an_unreachable_store_is_reported_once_and_retried_ever_less_often(clock, capsys):
    store = Store(failures=3)
    asked = []
    for clock.now in range(1000, 1500, 20):
        found = try_log(HTTP, store.log)
        asked.append(store.asked)
        if found:
            break
    assert found == "logged"
    assert asked == [1] * 3 + [2] * 6 + [3] * 12 + [4]  # after 60, 120 and 240 seconds
    message = capsys.readouterr().err
    assert (
        message == "ofa_bench: MLflow at http://127.0.0.1:1 cannot be used; records are on disk: Connection refused\n"
    )


def test_at_the_end_a_store_is_asked_once_more_but_for_one_that_was_away_just_now(clock):
    store = Store(failures=1)
    assert try_log(HTTP, store.log) is None
    clock.now += 5
    assert try_log(HTTP, store.log, patience=None) is None
    assert store.asked == 1
    clock.now += 6
    assert try_log(HTTP, store.log) is None
    assert try_log(HTTP, store.log, patience=None) == "logged"


def test_without_a_store_nothing_is_asked(clock):
    store = Store()
    assert try_log(TrackingConfig(), store.log) is None
    assert store.asked == 0


def test_a_server_that_does_not_answer_stops_nothing(clock, monkeypatch, capsys):
    monkeypatch.setattr(delivery, "PATIENCE", 0.05)
    hang = threading.Event()
    store = Store(hang=hang)
    with ThreadPoolExecutor() as pool:
        given = pool.submit(try_log, HTTP, store.log, patience=0.05).result(timeout=15)
    hang.set()
    assert given is None
    assert capsys.readouterr().err.endswith("records are on disk: no answer within 0.05 s\n")
    assert try_log(HTTP, store.log) is None
    assert store.asked == 1


def test_interrupts_are_not_taken_for_a_store_that_is_away(clock):
    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        try_log(TrackingConfig("sqlite:///x"), interrupted)
    assert not delivery._away


def test_where_there_is_no_other_way_the_server_is_asked_again(clock):
    store = Store(failures=2)
    assert log_with_retries(HTTP, store.log, Path("here"), run="run") == "logged"
    assert (store.asked, clock.slept) == (3, delivery.PAUSES[:2])
    store = Store(failures=9)
    with pytest.raises(RuntimeError, match=r"the record is in here on .*http://127.0.0.1:1.*: Connection refused"):
        log_with_retries(HTTP, store.log, Path("here"), run="run")
    assert store.asked == 1 + len(delivery.PAUSES)
    with pytest.raises(InputError, match=r"tracking.uri=null: the record is in here on .*tracking=server"):
        log_with_retries(TrackingConfig(), store.log, Path("here"), run="-")
    with pytest.raises(RuntimeError, match=r"http://127.0.0.1:1, which brings it back, was away when the sweep began"):
        log_with_retries(HTTP, store.log, Path("here"), run="-")
