"""2,000 tasks with 23 regions each arrive once, whoever is killed on the way."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from review.label_studio.traces import long
from services.label_studio.conftest import OpenPlace
from services.label_studio.running import Server

from perceptdata.review.backend import Pushed
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.connection import Doubt

pytestmark = pytest.mark.services
NUMBER = 2000
# Another process that pushes the same tasks, and says how far it is.
CLIENT = """
import sys
from review.label_studio.traces import Images, long
from services.label_studio.running import TOKEN
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.connection import Connection
from perceptdata.review.label_studio.pictures import Thumbnails
place = LabelStudio(Connection(sys.argv[1], TOKEN), sys.argv[2], "pilot", Thumbnails(Images()))
place.push([long(number) for number in range(int(sys.argv[3]))], lambda done: print(done, flush=True))
"""


def stored(place: LabelStudio) -> Counter[str]:
    return Counter(key for key, _, _ in place.waiting())


def regions(place: LabelStudio) -> Counter[int]:
    """How many predicted regions tasks have."""
    (queue,) = place.queues.all()
    fields = ["predictions", "result"]
    pages = place.queues.server.tasks(queue.project, fields, full=True)
    return Counter(len(guess["result"]) for page in pages for row in page for guess in row["predictions"])


def test_2000_tasks_twice(place: OpenPlace) -> None:
    tasks = [long(number) for number in range(NUMBER)]
    assert place().push(tasks) == Pushed(new=NUMBER)
    assert place().push(tasks) == Pushed(known=NUMBER)
    there = stored(place())
    assert (len(there), set(there.values())) == (NUMBER, {1})
    assert regions(place()) == {23: NUMBER}


def test_the_server_is_killed_in_mid_push(place: OpenPlace, label_studio: Server) -> None:
    tasks = [long(number) for number in range(NUMBER)]
    killed: list[threading.Timer] = []

    def kill_during_the_next_batch(done: int) -> None:
        if not killed:
            killed.append(threading.Timer(0.5, label_studio.kill))
            killed[0].start()

    with pytest.raises(Doubt, match=r"nothing is lost|broke off|has not answered|failed with status"):
        place().push(tasks, kill_during_the_next_batch)
    killed[0].join()
    label_studio.start()
    before = stored(place())
    assert set(before.values()) == {1}
    assert 500 <= len(before) < NUMBER
    assert place().push(tasks) == Pushed(new=NUMBER - len(before), known=len(before))
    after = stored(place())
    assert (len(after), set(after.values())) == (NUMBER, {1})


def test_the_client_is_killed_in_mid_push(place: OpenPlace, label_studio: Server, root: Path) -> None:
    opened = place()
    command = [sys.executable, "-c", CLIENT, label_studio.url, opened.queues.place, str(NUMBER)]
    environ = {**os.environ, "PYTHONPATH": str(root / "tests")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ, cwd=root) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"500\n"
        time.sleep(0.4)  # the next batch is on its way
        client.send_signal(signal.SIGKILL)
    done = opened.push([long(number) for number in range(NUMBER)])  # while the server may still import
    assert done.new + done.known == NUMBER
    assert done.known >= 500
    time.sleep(4)  # whatever was still on its way is there by now
    place().push([long(number) for number in range(NUMBER)])
    there = stored(place())
    assert (len(there), set(there.values())) == (NUMBER, {1})
