"""A download: checked by its hash, taken up where it ended, and when there is no network, what to do."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.data.download import download, find, folders
from tests.data.server import CONTENT, Server

FILES = {"file.gz": hashlib.md5(CONTENT).hexdigest()}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def part() -> Path:
    folder = folders("set")[-1]
    folder.mkdir(parents=True)
    return folder / "file.gz.part"


def fetched() -> bytes:
    path = find("set", "file.gz")
    assert path is not None
    return path.read_bytes()


def refused(*mirrors: str) -> str:
    with pytest.raises(ValueError, match="set is not here and could not be downloaded") as error:
        download("set", FILES, mirrors)
    assert find("set", "file.gz") is None
    return str(error.value)


def test_it_comes_whole_and_only_once(server: Server) -> None:
    download("set", FILES, [server.url])
    assert fetched() == CONTENT
    download("set", FILES, [server.url])
    assert server.asked == [None]
    assert [path.name for path in folders("set")[-1].iterdir()] == ["file.gz"]


@pytest.mark.parametrize("mode", ["well", "no ranges"])
def test_what_was_begun_goes_on(server: Server, part: Path, mode: str) -> None:
    part.write_bytes(CONTENT[:1000])
    server.mode = mode
    download("set", FILES, [server.url])
    assert fetched() == CONTENT
    assert server.asked == ["bytes=1000-"]


def test_a_connection_that_breaks_off_loses_nothing(server: Server, part: Path) -> None:
    server.mode = "breaks off"
    assert "the connection ended after 3000 of 10240 bytes" in refused(server.url)
    assert part.read_bytes() == CONTENT[:3000]
    server.mode = "well"
    download("set", FILES, [server.url])
    assert fetched() == CONTENT
    assert server.asked == [None, "bytes=3000-"]


def test_a_part_that_is_complete_needs_nothing_more(server: Server, part: Path) -> None:
    part.write_bytes(CONTENT)
    download("set", FILES, [server.url])
    assert fetched() == CONTENT


def test_a_wrong_file_is_refused_and_thrown_away(server: Server, part: Path) -> None:
    server.mode = "wrong"
    got = hashlib.md5(b"x" * len(CONTENT)).hexdigest()
    assert f"file.gz has md5 {got}, {FILES['file.gz']} wanted" in refused(server.url)
    assert not part.exists()


def test_a_second_mirror_helps(server: Server) -> None:
    download("set", FILES, ["http://127.0.0.1:1", server.url])
    assert fetched() == CONTENT


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("404", "Not Found"),
        ("nonsense", "I speak another language"),
        ("giant", "1000000000000000000 bytes do not fit on the disk"),
    ],
)
def test_a_server_that_does_not_have_it(server: Server, mode: str, said: str) -> None:
    server.mode = mode
    assert f"{server.url}: " in refused(server.url)
    assert said in refused(server.url)


def test_offline_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = refused("http://127.0.0.1:1", "http://nowhere.invalid")
    assert "http://127.0.0.1:1: Connection refused; http://nowhere.invalid: " in line
    assert f"put set/file.gz into {tmp_path / 'cache' / 'assay'}" in line
    assert "or set ASSAY_DATA to a folder that has it" in line
    assert "--data digits" in line
    assert "\n" not in line


def test_the_given_folder_comes_first(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "given"))
    (tmp_path / "given" / "set").mkdir(parents=True)
    (tmp_path / "given" / "set" / "file.gz").write_bytes(b"mine, as it is")
    download("set", FILES, [server.url])
    assert fetched() == b"mine, as it is"
    assert server.asked == []
