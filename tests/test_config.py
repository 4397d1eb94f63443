"""Settings from files and the command line: round trips, types, and one sentence for each fault."""

import argparse
from dataclasses import fields, replace

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from training.__main__ import main
from training.config import add_arguments, chosen_preset, overridden, printed
from training.presets import PRESETS, get_preset


def chosen(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return chosen_preset(parser.parse_args(arguments))


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_printed_can_be_read(name, tmp_path, capsys):
    assert main(["--preset", name, "--set", "learning_rate=3e-5", "--set", "report_to=trackio,wandb",
                 "--print-config"]) == 0
    file = tmp_path / "settings.yaml"
    file.write_text(capsys.readouterr().out)
    assert chosen("--config", str(file)) == replace(PRESETS[name], learning_rate=3e-5, report_to=("trackio", "wandb"))


@settings(deadline=None, max_examples=25)
@drawn(st.floats(1e-12, 1e3), st.integers(1, 10**9), st.booleans(), st.lists(st.sampled_from(["wandb", "x y"])))
def test_any_values_survive_a_round_trip(tmp_path_factory, rate, steps, checkpointing, trackers):
    preset = replace(PRESETS["smollm2"], learning_rate=rate, steps=steps, gradient_checkpointing=checkpointing,
                     report_to=tuple(trackers), sft=replace(PRESETS["smollm2"].sft, warmup=rate))
    file = tmp_path_factory.mktemp("round") / "settings.yaml"
    file.write_text(printed(preset))
    assert chosen("--config", str(file)) == preset


@pytest.mark.parametrize(("pair", "field", "value"), [
    ("learning_rate=1e-5", "learning_rate", 1e-5), ("learning_rate=1", "learning_rate", 1.0),
    ("micro_batch=null", "micro_batch", None), ("micro_batch=4", "micro_batch", 4),
    ("gradient_checkpointing=true", "gradient_checkpointing", True), ("engine=vllm-server", "engine", "vllm-server"),
    ("report_to=", "report_to", ()), ("report_to=trackio", "report_to", ("trackio",)),
    ("report_to=[wandb, trackio]", "report_to", ("wandb", "trackio")), ("anchor=a/b", "anchor", "a/b"),
    ("vllm_url=http://host:8000", "vllm_url", "http://host:8000"), ("anchor=a: b", "anchor", "a: b"),
])
def test_values_of_every_type(pair, field, value):
    found = getattr(chosen("--preset", "qwen3-4b", "--set", pair), field)
    assert found == value and type(found) is type(value)


def test_files_first_in_order_then_the_command_line(tmp_path):
    for name, text in (("a.yaml", "name: smollm2\nsteps: 1\nprompts: 2\nsft:\n  epochs: 3\n"),
                       ("b.yaml", "steps: 5\n")):
        (tmp_path / name).write_text(text)
    found = chosen("--config", str(tmp_path / "a.yaml"), "--config", str(tmp_path / "b.yaml"), "--set", "prompts=9",
                   "--set", "sft.batch=8")
    assert (found.name, found.steps, found.prompts, found.sft.epochs, found.sft.batch) == ("smollm2", 5, 9, 3.0, 8)
    assert chosen() == get_preset("organism")


@pytest.mark.parametrize(("arguments", "says"), [
    (["--set", "learning_rat=1"], "--set learning_rat=1: unknown setting 'learning_rat'; did you mean learning_rate"),
    (["--set", "zzz=1"], "unknown setting 'zzz'; All are steps, prompts, "),
    (["--set", "name=x"], "unknown setting 'name'"),
    (["--preset", "smollm2", "--set", "sft.epoch=1"], "sft: unknown setting 'epoch'; did you mean epochs"),
    (["--set", "sft.epochs=1"], "sft has no fields here: the preset has sft None"),
    (["--set", "steps.x=1"], "steps has no fields here: the preset has steps 24"),
    (["--set", "steps"], "--set 'steps' is not FIELD=VALUE"),
    (["--set", "steps=1.5"], "steps is 1.5; it must be a whole number"),
    (["--set", "steps=true"], "steps is True; it must be a whole number"),
    (["--set", "learning_rate=fast"], "learning_rate is 'fast'; it must be a number"),
    (["--set", "learning_rate=true"], "learning_rate is True; it must be a number"),
    (["--set", "micro_batch=x"], "micro_batch is 'x'; it must be a whole number or null"),
    (["--set", "gradient_checkpointing=1"], "gradient_checkpointing is 1; it must be true or false"),
    (["--set", "report_to=3"], "report_to is 3; it must be a list of texts"),
    (["--set", "anchor=7"], "anchor is 7; it must be a text or null"),
    (["--set", "sft=1"], "sft is 1; it must be its fields or null"),
    (["--set", "steps=0"], "--set steps=0: preset 'organism': steps is 0; it must be at least 1"),
    (["--config", "nowhere.yaml"], "--config nowhere.yaml is no file"),
    (["--preset", "x"], "unknown preset 'x'; choose one of organism, smollm2, qwen3-4b"),
])
def test_faults_in_one_sentence(arguments, says, capsys):
    assert main([*arguments, "--print-config"]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


@pytest.mark.parametrize(("text", "says"), [
    ("[1, 2", "is not YAML: "), ("just words", "holds 'just words'; write settings as `field: value` lines"),
    ("", "holds None; write settings"), ("name: smollm2", "name several presets: organism, smollm2"),
    ("steps: many", "settings.yaml: steps is 'many'; it must be a whole number"), ("1: 2", "unknown setting '1'"),
])
def test_files_that_are_no_settings(text, says, tmp_path, capsys):
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    assert main(["--preset", "organism", "--config", str(file), "--print-config"]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_every_field_can_be_set():
    for preset in (PRESETS["qwen3-4b"], PRESETS["qwen3-4b"].sft):
        for item in fields(preset):
            if item.name not in ("name", "sft"):
                value = getattr(preset, item.name)
                assert overridden(preset, {item.name: list(value) if isinstance(value, tuple) else value}) == preset
