"""Answers to analysts: data frames where their library is there, and what to do where it is not."""

from __future__ import annotations

import importlib.util

import duckdb
import pytest

from runtime.errors import SmartStoreError
from runtime.history import Answer

ANSWER = Answer(duckdb.sql("SELECT unnest([1, 2]) AS number"))


def test_as_arrow_and_polars() -> None:
    assert ANSWER.arrow().read_all().column("number").to_pylist() == [1, 2]
    assert ANSWER.pl()["number"].to_list() == [1, 2]
    assert ANSWER.fetchall() == [(1,), (2,)]


@pytest.mark.skipif(importlib.util.find_spec("pandas") is not None, reason="pandas is installed")
def test_without_pandas_it_says_what_to_do() -> None:
    with pytest.raises(SmartStoreError, match="pip install pandas"):
        ANSWER.df()
