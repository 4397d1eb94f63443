"""Rows read from every kind of file and from the hub, and one sentence for what is none."""

import gzip
import json

import datasets
import huggingface_hub
import pandas as pd
import pytest

from training.data.rows import read_rows

ROWS = [{"id": k, "text": text} for k, text in enumerate(["a", "zwei\u2028Zeilen", "\u8fd9 \"x\", y", ""])]


def as_lines(folder):
    (folder / "r.jsonl").write_bytes(b"\xef\xbb\xbf" + "\r\n\n".join(
        json.dumps(row, ensure_ascii=False) for row in ROWS).encode())
    return folder / "r.jsonl"


def as_packed_lines(folder):
    with gzip.open(folder / "r.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in ROWS)
    return folder / "r.jsonl.gz"


def as_list(folder):
    (folder / "r.json").write_text("\n " + json.dumps(ROWS, indent=1))
    return str(folder / "r.json")


def as_lines_named_json(folder):
    (folder / "r.json").write_text("\n".join(map(json.dumps, ROWS)))
    return folder / "r.json"


def as_parquet(folder):
    pd.DataFrame(ROWS).to_parquet(folder / "r.parquet")
    return folder / "r.parquet"


@pytest.mark.parametrize("written", [as_lines, as_packed_lines, as_list, as_lines_named_json, as_parquet])
def test_every_kind_of_file_gives_the_same_numbered_rows(tmp_path, written):
    assert list(read_rows(written(tmp_path))) == list(enumerate(ROWS))


def test_csv_fields_keep_commas_quotes_and_line_feeds(tmp_path):
    pd.DataFrame({"Question": ['a, "b"\nc'], "Answer": ["1"]}).to_csv(tmp_path / "r.csv", index=False)
    assert list(read_rows(tmp_path / "r.csv")) == [(0, {"Question": 'a, "b"\nc', "Answer": "1"})]


BROKEN = {
    "a line that is cut off": ("r.jsonl", b'{"a": 1}\n\n{"a": ', "line 3 of .* is not JSON"),
    "a line that is a list": ("r.jsonl", b'{"a": 1}\n[1]', "line 2 of .* is not a JSON object"),
    "a line that is null": ("r.jsonl", b"null", "line 1 of .* is not a JSON object"),
    "a line that is not utf-8": ("r.jsonl", b'{"a": "\xff"}', "line 1 of .* is not JSON"),
    "too many brackets": ("r.jsonl", b'{"a": ' + b"[" * 200_000, "line 1 of .* is not JSON"),
    "no row at all": ("r.jsonl", b"\n \n", "has no rows"),
    "an empty list": ("r.json", b"[]", "has no rows"),
    "a list that is cut off": ("r.json", b'[{"a": 1}', "r.json is not JSON"),
    "a list of other things": ("r.json", b'[{"a": 1}, 2]', "entry 1 of .* is not a JSON object"),
    "a download that was interrupted": ("r.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 99)[:30], "not a whole gzip file"),
    "a parquet file that is none": ("r.parquet", b"PAR1 or not", "cannot be read as parquet"),
    "a csv record that is too short": ("r.csv", b"a,b\n1\n", "cannot be read as csv .a record has more or fe"),
    "a csv quote that is never closed": ("r.csv", b'a,b\n1,"2\n', "cannot be read as csv"),
    "another suffix": ("r.txt", b"a", "has the suffix '.txt'; choose a file with one of .jsonl, .ndjson, .json, .parq"),
}


@pytest.mark.parametrize(("name", "data", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_one_sentence(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=said) as error:
        list(read_rows(tmp_path / name))
    assert name in str(error.value) and "\n" not in str(error.value)


def test_what_is_not_there_and_what_is_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file: .*gone.jsonl'; a hub dataset is owner/name"):
        list(read_rows(tmp_path / "gone.jsonl"))
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(ValueError, match="is a folder; choose one of its files: b.json$"):
        list(read_rows(tmp_path))


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub with one dataset of two splits and a file train.jsonl; what it was asked for."""
    asked = []

    def load_dataset(name, split, streaming):
        asked.append((name, split, streaming))
        if split not in ("train", "test"):
            raise ValueError(f"Bad split:\n{split}.")
        return datasets.IterableDataset.from_generator(lambda: iter(ROWS[:0 if split == "test" else 2]))

    def hf_hub_download(name, file, repo_type):
        asked.append((name, file, repo_type))
        if file != "train.jsonl":
            raise huggingface_hub.errors.LocalEntryNotFoundError("the connection broke")
        return as_lines(tmp_path)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    return asked


def test_a_hub_dataset_is_streamed_by_split_or_fetched_by_file(hub):
    assert list(read_rows("owner/name")) == list(enumerate(ROWS[:2]))
    assert list(read_rows("owner/name:train.jsonl")) == list(enumerate(ROWS))
    assert hub == [("owner/name", "train", True), ("owner/name", "train.jsonl", "dataset")]


@pytest.mark.parametrize(("source", "said"), [
    ("owner/name:test", "owner/name:test has no rows$"),
    ("owner/name:dev", "split 'dev' of the hub dataset of that name cannot be read .Bad split: dev"),
    ("owner/name:other.parquet", "the hub did not give it .the connection broke"),
])
def test_a_hub_dataset_that_cannot_be_read_is_one_sentence(hub, source, said):
    with pytest.raises(ValueError, match=said):
        list(read_rows(source))


@pytest.mark.parametrize("source", ["data/train.jsonl", "owner/name.parquet", "a/b/c", "", "name"])
def test_a_file_that_is_not_there_is_not_looked_for_on_the_hub(hub, tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((FileNotFoundError, ValueError)):
        list(read_rows(source))
    assert hub == []
