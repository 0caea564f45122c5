"""Signals are noted while a run goes on, and are the caller's again afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import Any

import pytest

from siftnet.runs.interrupt import stop_requests


def test_a_signal_is_noted_and_its_handler_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_requests() as stop_requested:
        assert stop_requested() == 0
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop_requested() == signal.SIGTERM
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_an_embedding_program_handles_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    # What Python says of a handler that was not set from Python, and that it could not put back.
    monkeypatch.setattr(signal, "getsignal", lambda number: None if number == signal.SIGINT else before)
    taken = list[int]()
    set_handler = signal.signal

    def noted(number: int, handler: Any) -> Any:
        taken.append(number)
        return set_handler(number, handler)

    monkeypatch.setattr(signal, "signal", noted)
    with stop_requests() as stop_requested:
        assert stop_requested() == 0
    assert taken == [signal.SIGTERM, signal.SIGTERM]


def test_beside_the_main_thread_no_signal_is_taken() -> None:
    found = list[object]()

    def beside() -> None:
        with stop_requests() as stop_requested:
            found.extend([stop_requested(), signal.getsignal(signal.SIGINT)])

    thread = threading.Thread(target=beside)
    thread.start()
    thread.join()
    assert found == [0, signal.getsignal(signal.SIGINT)]


def test_handlers_of_a_loop_that_is_running_are_its_own_again() -> None:
    async def in_the_loop() -> list[str]:
        told = list[str]()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.append, "stop")
        with stop_requests():
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(200):
            await asyncio.sleep(0.01)
            if told:
                break
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        return told

    assert asyncio.run(in_the_loop()) == ["stop"]
