"""A folder and a bucket are alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.archive.files import land, rows_of
from streams.archive.location import Location, LocationInvalid, locate
from streams.archive.manifest import Snapshot
from streams.archive.reading import Archive, Query
from streams.archive.retention import RetentionInvalid, retention_of
from streams.archive.rows import event_of
from streams.kafka.records import Incoming


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A store that speaks S3."""
    from moto.server import ThreadedMotoServer
    from pyarrow import fs

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"{host}:{port}"
    maker = fs.S3FileSystem(
        access_key="me", secret_key="s/cret", endpoint_override=endpoint, scheme="http",
        region="us-east-1", allow_bucket_creation=True,
    )  # fmt: skip
    maker.create_dir("shop")
    yield f"s3://me:s%2Fcret@shop/history?endpoint=http://{endpoint}"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "folder":
        return locate(str(tmp_path / "history"), tmp_path)
    return locate(request.getfixturevalue("bucket"), tmp_path)


@pytest.mark.filterwarnings("ignore")  # of the stand-in's own libraries
def test_written_read_listed_removed(location: Location) -> None:
    rows = [
        event_of(Incoming("feed", 0, n, 10**12 + n, b"kandy", b'{"type":"order"}'), "log", 10**12)
        for n in range(5)
    ]
    files = land(location, rows)
    archive = Archive(location, Snapshot(tuple(files), {}))
    assert list(archive.read(Query(types=frozenset({"order"})))) == rows
    assert archive.count(Query(from_offset=3)) == 2
    assert rows_of(location, files).num_rows == 5
    assert [name for name, _ in location.listed()] == [files[0].name]
    assert files[0].bytes > 0
    location.remove(files[0].name)
    location.remove(files[0].name)
    assert location.listed() == []
    assert "cret" not in location.name


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    location = locate("", tmp_path)

    def fails() -> None:
        with location.writing("kandy/feed/x.parquet") as stream:
            stream.write(b"half")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fails()
    assert location.listed() == []
    assert (location.free_mb() or 0) > 0


@pytest.mark.parametrize("url", ["s3://", "s3://bucket?enpoint=x", "http://bucket/x"])
def test_what_is_not_understood_is_said(url: str, tmp_path: Path) -> None:
    with pytest.raises(LocationInvalid):
        locate(url, tmp_path)


def test_retention() -> None:
    found = retention_of("400, inbound=90,kandy/feed=30,galle=60")
    assert found.days_of("kandy", "observations") == 400
    assert found.days_of("kandy", "inbound") == 90
    assert found.days_of("kandy", "feed") == 30
    assert found.days_of("galle", "feed") == 60
    assert retention_of("").days_of("kandy", "feed") == 0
    with pytest.raises(RetentionInvalid):
        retention_of("a year")
