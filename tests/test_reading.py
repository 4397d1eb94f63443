"""Traces read from every kind of source as a stream, errors that name the place, and tags written whole or absent."""

import gzip
import json
import tracemalloc

import datasets
import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from behaviors import reading
from behaviors.reading import read_texts, write_tags

TEXTS = ["Let me check.\u2028It\x85 holds.\n\nYes.", "", "\u8fd9 \U0001f600 \x00", *(f"trace {k}" for k in range(150))]


def as_lines(folder, rows, name="traces.jsonl"):
    (folder / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder / name


def as_plain_lines(folder, rows):
    """Line separators as they are in the file, which has carriage returns, blank lines and a last line feed."""
    lines = "\r\n \n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "traces.data").write_bytes(f"\n{lines}\n".encode())
    return str(folder / "traces.data")


def as_gzip(folder, rows):
    with gzip.open(folder / "traces.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return folder / "traces.jsonl.gz"


def as_parquet(folder, rows, **how):
    pd.DataFrame(rows).to_parquet(folder / "traces.parquet", **how)
    return folder / "traces.parquet"


def as_row_groups(folder, rows):
    return as_parquet(folder, rows, row_group_size=7)


def as_saved(folder, rows):
    datasets.Dataset.from_list(rows).save_to_disk(folder / "saved")
    return folder / "saved"


SOURCES = [as_lines, as_plain_lines, as_gzip, as_parquet, as_row_groups, as_saved]


@pytest.mark.parametrize("written", SOURCES)
def test_every_source_gives_the_same_traces_in_order(tmp_path, written):
    source = written(tmp_path, [{"id": k, "text": text, "work": text[::-1]} for k, text in enumerate(TEXTS)])
    assert list(read_texts(source)) == TEXTS
    assert list(read_texts(source, column="work")) == [text[::-1] for text in TEXTS]


@pytest.mark.parametrize("written", SOURCES)
def test_completion_comes_before_text_and_nothing_else_is_guessed(tmp_path, written):
    assert list(read_texts(written(tmp_path, [{"text": "a", "completion": "b"}]))) == ["b"]


@pytest.mark.parametrize("written", SOURCES)
@pytest.mark.parametrize(("row", "column", "said"), [
    ({"id": "a", "response": "b"}, None, r"no column 'completion' or 'text'; choose one of id, response$"),
    ({"text": "a"}, "gone", r"no column 'gone'; choose one of text$"),
    ({"text": "a"}, "", r"no column ''; choose one of text$"),
    ({"text": None}, None, r"^row 0 of .*no text in column 'text', but None$"),
    ({"text": 3}, None, r"^row 0 of .*'text', but 3$"),
    ({"text": [{"role": "user", "content": "hi"}]}, None, r"^row 0 of .*'text', but \[\{'"),
])
def test_a_source_without_the_traces_is_named(tmp_path, written, row, column, said):
    source = written(tmp_path, [row])
    with pytest.raises(ValueError, match=said) as error:
        list(read_texts(source, column))
    assert str(source) in str(error.value) and "\n" not in str(error.value)


def test_a_saved_dataset_that_was_reordered_and_formatted_keeps_its_order(tmp_path):
    dataset = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "n": [1, 2, 3]}).select([2, 0]).with_format("arrow")
    dataset.save_to_disk(tmp_path / "saved")
    assert list(read_texts(tmp_path / "saved")) == ["c", "a"]


@pytest.mark.parametrize(("content", "said", "before"), [
    (b'{"text": "a"}\n\n \r\n{"text": "b"}\nnot json', "line 5 of .* is not JSON", 2),
    (b'{"text": "a"}\n["text"]', "line 2 of .* is not a JSON object", 1),
    (b'\n"text"', "line 2 of .* is not a JSON object", 0),
    (b'null', "line 1 of .* is not a JSON object", 0),
    (b'{"text": "a"}\n{"text": "\xff"}', "line 2 of .* cannot be read .*utf-8", 1),
    (b'{"text": "a"}\n{"text": "\xed\xa0\x80"}', "line 2 of .* cannot be read .*utf-8", 1),  # a surrogate in the bytes
    ('{"text": "a"}'.encode("utf-16"), "line 1 of .* cannot be read .*utf-8", 0),
    pytest.param(b"[" * 100_000, "line 1 of .* cannot be read .*recursion", 0, id="brackets"),
    pytest.param(b'{"n": ' + b"1" * 5000 + b"}", "line 1 of .* cannot be read .*digits", 0, id="a long number"),
    (b'{"text": "a"}\n\n{"text": 1}', "row 1 of .*'text', but 1", 1),
    (b'{"text": "a"}\n{"completion": "b"}', "row 1 of .* has no column 'text', which row 0 has; it has completion", 1),
    (b"", "no column 'completion' or 'text'; choose one of none", 0), (b"\n \n", "choose one of none", 0),
])
def test_a_bad_line_is_named_once_the_good_ones_before_it_are_read(tmp_path, content, said, before):
    (tmp_path / "t.jsonl").write_bytes(content)
    texts = read_texts(tmp_path / "t.jsonl")
    assert len([next(texts) for _ in range(before)]) == before
    with pytest.raises(ValueError, match=said):
        next(texts)


def test_lone_surrogates_of_json_are_kept(tmp_path):
    assert list(read_texts(as_lines(tmp_path, [{"text": "a\ud800"}]))) == ["a\ud800"]


@pytest.mark.parametrize("name", ["t.jsonl.gz", "t.parquet"])
@pytest.mark.parametrize("content", [b"", b'{"text": "a"}', b"PAR1", b"\x1f\x8b"])
def test_a_file_that_is_not_what_its_suffix_says_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        list(read_texts(tmp_path / name))


def test_a_cut_or_changed_gzip_file_is_named(tmp_path):
    content = gzip.compress("\n".join(json.dumps({"text": f"{k} " * 99}) for k in range(999)).encode())
    changed = [content[:place] + b"\xff" * 9 + content[place + 9:] for place in (10, 500)]
    for broken in (content[:-9], *changed):
        (tmp_path / "t.gz").write_bytes(broken)
        with pytest.raises(ValueError, match=r"t\.gz is not a whole gzip file"):
            list(read_texts(tmp_path / "t.gz"))


def test_parquet_text_that_is_not_utf8_is_named(tmp_path):
    bad = pyarrow.Array.from_buffers(pyarrow.string(), 1, [None, pyarrow.py_buffer(np.int32([0, 1]).tobytes()),
                                                           pyarrow.py_buffer(b"\xff")])
    pyarrow.parquet.write_table(pyarrow.table({"text": bad}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"column 'text' of .*t\.parquet cannot be read .*utf-8"):
        list(read_texts(tmp_path / "t.parquet"))


def test_string_types_of_parquet_are_all_text_and_bytes_are_not(tmp_path):
    for kind in (pyarrow.large_string(), pyarrow.dictionary(pyarrow.int8(), pyarrow.string())):
        column = pyarrow.array(["a", "b", "a"]).cast(kind)
        pyarrow.parquet.write_table(pyarrow.table({"text": column}), tmp_path / "t.parquet")
        assert list(read_texts(tmp_path / "t.parquet")) == ["a", "b", "a"]
    pyarrow.parquet.write_table(pyarrow.table({"text": [b"a"]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="row 0 of .*but b'a'"):
        list(read_texts(tmp_path / "t.parquet"))


def test_no_rows_but_the_column_are_no_traces(tmp_path):
    empty = pyarrow.table({"text": pyarrow.array([], pyarrow.string())})
    pyarrow.parquet.write_table(empty, tmp_path / "t.parquet")
    datasets.Dataset(empty).save_to_disk(tmp_path / "saved")
    assert list(read_texts(tmp_path / "t.parquet")) == list(read_texts(tmp_path / "saved")) == []


def test_splits_and_other_folders_ask_for_one(tmp_path):
    saved = datasets.DatasetDict({name: datasets.Dataset.from_dict({"text": [name]}) for name in ("train", "test")})
    saved.save_to_disk(tmp_path / "both")
    with pytest.raises(ValueError, match="several splits; choose one of .*both/train, .*both/test"):
        list(read_texts(tmp_path / "both"))
    assert list(read_texts(tmp_path / "both" / "test")) == ["test"]
    with pytest.raises(ValueError, match="save_to_disk did not write"):
        list(read_texts(tmp_path))


@pytest.mark.parametrize("source", ["t.jsonl", "traces", "folder/t.jsonl", "folder/t.parquet:train", "../traces",
                                    "./a/b", "a/b/c", "/a/b", "a/", "a/b:"])
def test_a_file_that_is_not_there_is_not_looked_for_on_the_hub(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: pytest.fail("asked the hub"))
    with pytest.raises(FileNotFoundError, match="No such file"):
        list(read_texts(source))


@pytest.fixture
def hub(monkeypatch):
    """A hub with one dataset, owner/name, with splits train and test; what it was asked for."""
    asked = []

    def load_dataset(name, split, streaming):
        asked.append((name, split, streaming))
        if name != "owner/name":
            raise datasets.exceptions.DatasetNotFoundError(f"Dataset '{name}' doesn't exist\non the Hub")
        if split not in ("train", "test"):
            raise ValueError(f"Bad split: {split}.")
        rows = [{"id": k, "text": f"{split} {k}"} for k in range(3)]
        return datasets.IterableDataset.from_generator(lambda: iter(rows))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


def test_a_hub_dataset_is_streamed(hub):
    assert list(read_texts("owner/name")) == ["train 0", "train 1", "train 2"]
    assert list(read_texts("owner/name:test")) == ["test 0", "test 1", "test 2"]
    assert hub == [("owner/name", "train", True), ("owner/name", "test", True)]
    with pytest.raises(ValueError, match="owner/name:test has no column 'gone'; choose one of id, text"):
        list(read_texts("owner/name:test", "gone"))
    with pytest.raises(ValueError, match="row 0 of owner/name has no text in column 'id', but 0"):
        list(read_texts("owner/name", "id"))


@pytest.mark.parametrize(("source", "said"), [
    ("owner/other", "owner/other is no file here, and split 'train' .*not load .Dataset 'owner/other' doesn't exist"),
    ("owner/name:dev", "owner/name is no file here, and split 'dev' .*not load .Bad split: dev"),
])
def test_a_hub_dataset_that_does_not_load_is_one_sentence(hub, source, said):
    with pytest.raises(ValueError, match=said) as error:
        list(read_texts(source))
    assert "\n" not in str(error.value)


def test_a_path_that_exists_is_no_hub_dataset(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner").mkdir()
    as_lines(tmp_path / "owner", [{"text": "here"}], "name")
    assert list(read_texts("owner/name")) == ["here"] and hub == []


def test_memory_is_flat_in_the_number_of_lines(tmp_path):
    source = as_lines(tmp_path, [{"text": "x" * 10_000}] * 1000)
    tracemalloc.start()
    try:
        assert sum(map(len, read_texts(source))) == 10_000_000
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


def test_memory_is_flat_in_the_size_of_a_row_group(tmp_path):
    letters = np.random.default_rng(0).integers(97, 123, (2000, 10_000), dtype=np.uint8)
    rows = pyarrow.table({"text": [row.tobytes().decode() for row in letters]})
    pyarrow.parquet.write_table(rows, tmp_path / "t.parquet", write_batch_size=16, use_dictionary=False)  # small pages
    del rows
    before = pyarrow.total_allocated_bytes()
    held = [pyarrow.total_allocated_bytes() - before for _ in read_texts(tmp_path / "t.parquet")]
    assert len(held) == 2000 and max(held) < 4_000_000  # of 20 MB


def tags(first, texts, label="other"):
    """A tags frame, one sentence a trace, of traces numbered from `first`."""
    n, zeros = len(texts), np.zeros(len(texts), int)
    return pd.DataFrame({"text_id": np.arange(first, first + n), "sentence": zeros, "start": zeros,
                         "end": [len(text) for text in texts], "text": pd.Series(texts, dtype=object),
                         "label": pd.Series([label] * n, dtype=str), "p_self_verification": np.full(n, 0.25),
                         "p_backtracking": np.full(n, 1.0)})


TYPES = ["int64"] * 4 + ["string"] * 2 + ["double"] * 2


def test_tags_come_back_in_order_with_fixed_types(tmp_path):
    frames = [tags(0, ["a", "b\ud800c\udfff"]), tags(2, []), tags(2, ["\u8fd9\x00"], "backtracking")]
    assert write_tags(iter(frames), tmp_path / "o.parquet") == 3
    found = pd.read_parquet(tmp_path / "o.parquet")
    expected = pd.concat(frames).assign(text=["a", "b\ufffdc\ufffd", "\u8fd9\x00"])
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True), check_dtype=False)
    assert [str(kind) for kind in pyarrow.parquet.read_schema(tmp_path / "o.parquet").types] == TYPES
    assert [path.name for path in tmp_path.iterdir()] == ["o.parquet"]


@pytest.mark.parametrize("frames", [[], [tags(0, [])]], ids=["no frame", "an empty frame"])
def test_no_tags_are_a_file_with_columns(tmp_path, frames):
    assert write_tags(iter(frames), tmp_path / "o.parquet") == 0
    schema = pyarrow.parquet.read_schema(tmp_path / "o.parquet")
    assert schema.names == list(tags(0, []).columns) and [str(kind) for kind in schema.types] == TYPES
    assert len(pd.read_parquet(tmp_path / "o.parquet")) == 0
    assert pyarrow.parquet.read_metadata(tmp_path / "o.parquet").num_row_groups == 0


def test_other_probabilities_are_written_as_the_first_frame_has_them(tmp_path):
    other = tags(0, ["a"]).rename(columns={"p_backtracking": "p_planning"})
    write_tags([other, other[other.columns[::-1]]], tmp_path / "o.parquet")
    assert pd.read_parquet(tmp_path / "o.parquet").columns.tolist() == other.columns.tolist()


def test_small_frames_share_row_groups_and_large_ones_do_not_pile_up(tmp_path, monkeypatch):
    write_tags((tags(k, ["a"]) for k in range(300)), tmp_path / "o.parquet")
    assert pyarrow.parquet.read_metadata(tmp_path / "o.parquet").num_row_groups == 1
    monkeypatch.setattr(reading, "GROUP_FRAMES", 100)
    write_tags((tags(k, ["a"]) for k in range(300)), tmp_path / "o.parquet")
    assert pyarrow.parquet.read_metadata(tmp_path / "o.parquet").num_row_groups == 3
    monkeypatch.setattr(reading, "GROUP_BYTES", 50_000)
    write_tags((tags(k, ["a" * 30_000]) for k in range(8)), tmp_path / "o.parquet")
    assert pyarrow.parquet.read_metadata(tmp_path / "o.parquet").num_row_groups == 4


@pytest.mark.parametrize("old", [None, b"an older file"])
@pytest.mark.parametrize(("second", "error"), [
    (RuntimeError("no more"), RuntimeError), (KeyboardInterrupt(), KeyboardInterrupt),
    (tags(0, ["a"]).drop(columns="label"), ValueError), (tags(0, ["a"]).assign(more=1), ValueError),
    (tags(0, ["a"]).rename(columns={"p_backtracking": "p_planning"}), ValueError),
], ids=["error", "interrupt", "a column less", "a column more", "another behavior"])
def test_an_error_on_the_way_leaves_what_was_there(tmp_path, second, error, old):
    out = tmp_path / "o.parquet"
    if old:
        out.write_bytes(old)

    def frames():
        yield tags(0, ["a"])
        if isinstance(second, BaseException):
            raise second
        yield second

    with pytest.raises(error):
        write_tags(frames(), out)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [old] * bool(old)
