"""What is killed and started again ends as if nothing had happened; a file that differs, lacks or is left is seen."""

import json

from attacks import kills


def test_killed_jobs_end_like_those_that_were_not(tmp_path):
    table = kills.run(2, 0, ["merging", "tagging"], tmp_path, progress=False)
    rows = table[["attack", "tried", "through", "note"]].values.tolist()
    assert rows == [["merging", 2, 0, ""], ["tagging", 2, 0, ""]]


def written(folder, **files):
    for name, content in files.items():
        (folder / name.replace("_", ".")).parent.mkdir(parents=True, exist_ok=True)
        (folder / name.replace("_", ".")).write_text(content)
    return kills.digests(folder)


def test_files_are_compared_but_for_seconds_and_what_is_aside(tmp_path):
    first = written(tmp_path / "a", a_csv="x,merging_seconds\n1,2.5\n", b_json=json.dumps({"n": 1, "seconds": 3}),
                    c_txt="c", d_csv="")
    again = written(tmp_path / "b", a_csv="x,merging_seconds\n1,9.9\n", b_json=json.dumps({"n": 1, "seconds": 4}),
                    c_txt="c", d_csv="", _part="half of a file")
    assert first == again and kills.difference(first, again) == ""


def test_a_difference_is_named(tmp_path):
    first = written(tmp_path / "a", a_csv="x\n1\n", b_json="{}", c_txt="c")
    other = written(tmp_path / "b", a_csv="x\n2\n", b_json="{}", d_txt="d")
    assert kills.difference(first, other) == "lacks c.txt; has also d.txt; differs in a.csv"
