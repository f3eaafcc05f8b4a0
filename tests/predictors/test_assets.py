import shutil
import socket
import threading

import pytest

from ofa_bench.errors import InputError
from ofa_bench.predictors import assets as module
from ofa_bench.predictors.assets import asset_content, asset_path

NAME = "ofa/note10/160_lookup_table.yaml"


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Point the cache and the network to empty places."""
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
        asset_content(NAME)


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


def test_an_answer_that_is_cut_off_leaves_nothing(offline, monkeypatch):
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listening.accept()[0] as client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nhalf")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with pytest.raises(OSError, match="IncompleteRead"):
        module.fetch_file(f"http://127.0.0.1:{listening.getsockname()[1]}/x", offline / "x", None)
    thread.join(5)
    listening.close()
    assert not [path for path in offline.rglob("*") if path.is_file()]
