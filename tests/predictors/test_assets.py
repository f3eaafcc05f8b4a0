import shutil
import socket
import threading
import time

import pytest
from urllib3 import HTTPResponse

from ofa_bench.errors import InputError
from ofa_bench.predictors import assets as module
from ofa_bench.predictors.assets import asset_path

NAME = "ofa/note10/160_lookup_table.yaml"


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Point cache and network to places where nothing is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "BASE_URL", "http://127.0.0.1:9/")
    return tmp_path / "cache" / "ofa_bench"


def test_offline_says_where_it_looked_and_what_to_do(offline, monkeypatch):
    monkeypatch.delenv("OFA_BENCH_ASSETS", raising=False)
    with pytest.raises(
        InputError, match=r"not under OFA_BENCH_ASSETS \(unset\).*put it at .*ofa_bench.*predictor=embedded"
    ):
        asset_path(NAME)
    assert not (offline / NAME).exists()


def test_altered_asset_is_refused(tmp_path, monkeypatch):
    (tmp_path / NAME).parent.mkdir(parents=True)
    (tmp_path / NAME).write_text("altered")
    monkeypatch.setenv("OFA_BENCH_ASSETS", str(tmp_path))
    with pytest.raises(InputError, match="altered or cut off"):
        asset_path(NAME)


def test_cache_serves_without_network(offline, assets, monkeypatch):
    (offline / NAME).parent.mkdir(parents=True)
    shutil.copy(assets / NAME, offline / NAME)
    monkeypatch.setenv("OFA_BENCH_ASSETS", str(offline / "nothing"))
    assert asset_path(NAME) == offline / NAME


def test_fetched_once_into_the_cache(offline, assets, monkeypatch):
    import functools
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(assets)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setattr(module, "BASE_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.delenv("OFA_BENCH_ASSETS")
    try:
        assert asset_path(NAME).read_bytes() == (assets / NAME).read_bytes()
        assert asset_path(NAME) == offline / NAME
    finally:
        server.shutdown()
    assert asked == [f"/{NAME}"]


def test_fetched_file_that_is_not_the_pinned_one_is_refused(offline, tmp_path, monkeypatch):
    import functools
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    (tmp_path / "www" / NAME).parent.mkdir(parents=True)
    (tmp_path / "www" / NAME).write_text("something else")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "www"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setattr(module, "BASE_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.delenv("OFA_BENCH_ASSETS", raising=False)
    try:
        with pytest.raises(InputError, match="cannot be fetched"):
            asset_path(NAME)
    finally:
        server.shutdown()
    assert not (offline / NAME).exists()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.fixture
def dripping():
    """Serve an answer whose first part comes at once and whose second a byte at a time; give what does it."""
    listening, ended, threads = socket.create_server(("127.0.0.1", 0)), threading.Event(), []

    def serve(first, second):
        with listening.accept()[0] as client:
            client.recv(65536)
            client.sendall(first)
            for byte in second:
                if ended.wait(0.05):
                    return
                client.sendall(bytes([byte]))

    def start(*parts):
        threads.append(threading.Thread(target=serve, args=parts, daemon=True))
        threads[0].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/x"

    yield start
    ended.set()
    threads[0].join(5)
    listening.close()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"", HEAD + b"Content-Length: 1\r\n\r\n1"),
        (HEAD + b"Content-Length: 60\r\n\r\n", b"0" * 60),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 50 + b"1\r\n0\r\n0\r\n\r\n"),
    ],
    ids=["head", "body", "chunk"],
)
def test_a_server_that_drips_is_not_waited_for(first, second, dripping, tmp_path):
    """Whatever drips: each byte comes soon enough, all of them would take more than 2 seconds."""
    url, before = dripping(first, second), time.monotonic()
    with pytest.raises(TimeoutError, match=r"more than 0\.3 seconds"):
        module.fetch_file(url, tmp_path / "cache" / "x", None, patience=0.3)
    assert time.monotonic() - before < 1.5
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    if first and hasattr(HTTPResponse, "shutdown"):
        for left in [thread for thread in threading.enumerate() if thread.name == "ofa_bench download"]:
            left.join(1)
            assert not left.is_alive()


def test_slow_but_in_time_is_whole(dripping, tmp_path):
    module.fetch_file(dripping(HEAD + b"Content-Length: 3\r\n\r\n", b"abc"), tmp_path / "x", None, patience=5)
    assert (tmp_path / "x").read_bytes() == b"abc"
