"""Preparation, crops, augmentation, settings and widening of training."""
import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
import torch
from training_data import SETTINGS, SPLIT, write_case, write_data, write_splits

from FusionINNLib.errors import InputError
from FusionINNLib.methods.fusioninn.networks import DefaultConfig, default_network
from FusionINNLib.preprocessing.normalization import fit_volume
from FusionINNLib.volumes.io import read_volume
from training.data import augment
from training.data.crops import CropSampler, load_split, validation_slices
from training.data.prepare import load, prepare, prepare_case, save
from training.data.splits import read_splits
from training.loop.config import load_config
from training.loop.run_settings import settings_of
from training.trainers.fusioninn import FusionInnConfig
from training.trainers.fusioninn_widen import widened
from training.trainers.registry import TRAINERS


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def prepared(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    prepare(data, folder, lambda line: None)
    return folder


# ---- preparation -------------------------------------------------------------------------------------------------------------------


def test_prepared_numbers_are_those_of_the_files(data, prepared):
    case, volume = load(prepared / "brats18" / "a.npz"), read_volume(data / "brats18" / "a" / "t1ce.nii.gz")
    assert case.names == ["flair", "t1", "t1ce", "t2"] and case.contrasts.dtype == np.int16 and case.labels.dtype == np.uint8
    whole, index = fit_volume(volume.array), case.index("t1ce")
    assert np.isclose(case.offset[index], whole.offset) and np.isclose(case.scale[index], whole.scale)
    marks = read_volume(data / "brats18" / "a" / "seg.nii.gz").array
    assert np.array_equal(case.contrasts[index][case.labels > 0], volume.array[marks > 0]) and marks.any()
    pair = case.sources(2, [index, case.index("flair")])
    assert pair.shape[0] == 2 and pair.dtype == np.float32 and 0 <= pair.min() and pair.max() < 2
    assert set(np.unique(case.labels)) == {0, 1, 2, 4}


def test_lesions_are_labels_and_no_contrast(prepared):
    case = load(prepared / "openms" / "patient.npz")
    assert "lesions" not in case.names and case.labels.any()


def test_what_cannot_be_used_is_skipped_by_name_and_reason(data, tmp_path):
    shutil.copytree(data / "brats18" / "a", tmp_path / "data" / "set" / "torn")
    shutil.copytree(data / "brats18" / "b", tmp_path / "data" / "set" / "bare")
    shutil.copytree(data / "lgg" / "d", tmp_path / "data" / "set" / "whole")
    shutil.copytree(data / "isles22", tmp_path / "data" / "isles22")
    torn = tmp_path / "data" / "set" / "torn" / "t2.nii.gz"
    torn.write_bytes(torn.read_bytes()[:500])
    (tmp_path / "data" / "set" / "bare" / "flair.nii.gz").unlink()
    said = []
    skipped = prepare(tmp_path / "data", tmp_path / "out", said.append)
    assert set(skipped) == {"set/torn", "set/bare", "isles22/stroke"}
    assert "different grids" in skipped["isles22/stroke"] and "measuring only" in skipped["isles22/stroke"]
    assert "1 case(s) prepared, 0 prepared before, 3 skipped" in said[-4]
    assert all(any(name in line for line in said[-3:]) for name in skipped)
    assert [path.name for path in (tmp_path / "out" / "set").iterdir()] == ["whole.npz"]


def test_preparation_goes_on_where_it_was_interrupted(data, tmp_path, monkeypatch):
    shutil.copytree(data / "brats18", tmp_path / "data" / "brats18")
    import training.data.prepare as module

    def stop(case, path):
        if case.name == "b":
            raise KeyboardInterrupt
        save(case, path)

    monkeypatch.setattr(module, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "data", tmp_path / "out", lambda line: None)
    before = (tmp_path / "out" / "brats18" / "a.npz").stat().st_mtime_ns
    monkeypatch.undo()
    said = []
    assert prepare(tmp_path / "data", tmp_path / "out", said.append) == {} and said[-1].startswith("2 case(s) prepared, 1 prepared before")
    assert (tmp_path / "out" / "brats18" / "a.npz").stat().st_mtime_ns == before


def test_not_finite_voxels_become_background(tmp_path):
    from FusionINNLib.volumes.io import write_nifti

    write_case(tmp_path / "case", 1)
    path = tmp_path / "case" / "t2.nii.gz"
    volume = read_volume(path)
    array = volume.array.astype(np.float32)
    array[4, 20, 20] = np.nan
    write_nifti(type(volume)(array, volume.affine, "t2"), path)
    assert np.isfinite(prepare_case(tmp_path / "case").contrasts).all()


def test_a_folder_without_cases_is_an_error(tmp_path):
    with pytest.raises(InputError, match="holds no cases"):
        prepare(tmp_path, tmp_path / "out")


# ---- splits ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content, words", [("{", "not JSON"), ("[]", "not a split"), ('{"brats18": {"train": ["a"]}}', "not a split"),
                                            ('{"brats18": {"train": ["a", "b"], "val": ["b"]}}', "both sides"), (None, "cannot be read")])
def test_splits_that_cannot_be_used(tmp_path, content, words):
    if content is not None:
        (tmp_path / "splits.json").write_text(content)
    with pytest.raises(InputError, match=words):
        read_splits(tmp_path / "splits.json")


def test_each_part_holds_its_own_cases(prepared, tmp_path):
    splits = write_splits(tmp_path)
    for part in ("train", "val"):
        assert {name: [case.name for case in cases] for name, cases in load_split(prepared, splits, part).items()} == \
            {name: parts[part] for name, parts in SPLIT.items()}
    splits.write_text(json.dumps({"brats18": {"train": ["nobody"], "val": []}}))
    with pytest.raises(InputError, match="nobody"):
        load_split(prepared, splits, "train")


# ---- crops -------------------------------------------------------------------------------------------------------------------------


def test_crops_have_their_shape_and_range_and_come_back_with_the_seed(prepared, tmp_path):
    sampler = CropSampler(load_split(prepared, write_splits(tmp_path), "train"), {"brats18": 0.7, "lgg": 0.3}, 32)
    first, again, other = (sampler.batch(range(6), [seed]) for seed in (1, 1, 2))
    assert first.shape == (6, 2, 32, 32) and first.dtype == np.float32 and np.isfinite(first).all()
    assert first.min() > -0.5 and 0.2 < first.max() < 2.5
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert ((first.max(1) > 0.05).mean((1, 2)) > 0.1).all()


def test_validation_slices_are_those_with_both_labels(prepared, tmp_path):
    cases = load_split(prepared, write_splits(tmp_path), "val")["brats18"]
    slices = validation_slices(cases, ("t1ce", "flair"), per_case=3)
    assert len(slices) == 3 and all(pair.shape[0] == 2 and not pair.shape[1] % 4 and not pair.shape[2] % 4 for pair in slices)
    cases[0].labels[:] = 0
    with pytest.raises(InputError, match="no slice with labels 1 and 2"):
        validation_slices(cases, ("t1ce", "flair"))


@pytest.mark.parametrize("change", ["augment", "flip_and_turn", "blend_contrasts", "cut_field_of_view", "add_rician_noise"])
def test_changes_of_pairs_keep_shape_are_finite_and_repeat(change):
    pair = _head_like(np.random.default_rng(0))
    for seed in range(25):
        results = [getattr(augment, change)(pair.copy(), np.random.default_rng(seed)) for _ in range(2)]
        assert results[0].shape == pair.shape and np.isfinite(results[0]).all() and np.array_equal(*results)


@pytest.mark.parametrize("change", ["change_contrast", "blur", "shift"])
def test_changes_of_images_keep_shape_are_finite_and_repeat(change):
    image = _head_like(np.random.default_rng(0))[0]
    for seed in range(25):
        results = [getattr(augment, change)(image.copy(), np.random.default_rng(seed)) for _ in range(2)]
        assert results[0].shape == image.shape and np.isfinite(results[0]).all() and np.array_equal(*results)
        if change == "change_contrast":
            assert np.abs(results[0][:4]).max() < 1e-6  # background stays background


def _head_like(rng) -> np.ndarray:
    pair = np.zeros((2, 32, 32), np.float32)
    pair[:, 6:26, 5:27] = rng.uniform(0.1, 1, (2, 20, 22))
    return pair


# ---- settings ----------------------------------------------------------------------------------------------------------------------


def test_settings_are_frozen_and_come_back(tmp_path):
    config = FusionInnConfig(steps=7, settings={"quarter": 1})
    config.save(tmp_path / "config.json")
    assert load_config(tmp_path / "config.json", TRAINERS) == config
    with pytest.raises(AttributeError):
        config.steps = 8


def test_settings_come_from_a_file_and_then_from_the_command(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(SETTINGS))
    config, changed = settings_of(tmp_path / "run", tmp_path / "mine.json", ["steps=9", "learning_rate=1"], False, False, TRAINERS)
    assert (config.steps, config.batch, config.learning_rate, changed) == (9, 2, 1.0, {})
    assert asdict(config) | {"steps": 6, "learning_rate": FusionInnConfig().learning_rate} == asdict(FusionInnConfig()) | SETTINGS


@pytest.mark.parametrize("single, words", [("stepps=9", "no setting 'stepps'"), ("steps=many", "takes a value like"),
                                           ("steps", "name=value"), ("steps=1.5", "takes a value like"), ("steps=0", "at least 1"),
                                           ("crop=30", "multiple of 4"),
                                           ("settings=3", "takes a value like")])
def test_settings_that_make_no_sense(tmp_path, single, words):
    with pytest.raises(InputError, match=words):
        settings_of(tmp_path, None, [single], False, False, TRAINERS)


# ---- widening ----------------------------------------------------------------------------------------------------------------------


def test_a_widened_network_computes_the_same_and_uses_its_new_channels():
    torch.manual_seed(0)
    narrow, wide = (default_network(DefaultConfig(1, 1, 1, *widths)) for widths in ((8, 12), (10, 16)))
    for parameter in narrow.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    wide.load_state_dict(widened(narrow.state_dict(), wide.state_dict()))
    x = torch.rand(1, 2, 16, 16)
    for ours, theirs in zip(wide.fuse(x), narrow.fuse(x)):
        assert torch.allclose(ours, theirs, atol=1e-6)
    sum(image.square().sum() for image in wide.fuse(x)).backward()
    layers = [module for module in wide.modules() if isinstance(module, torch.nn.Conv2d) and module.in_channels in (10, 16)]
    gradients = [layer.weight.grad for layer in layers]
    assert gradients and all((gradient[:, -1] != 0).any() for gradient in gradients)


def test_only_a_wider_network_can_begin_with_the_weights_of_another():
    shapes = ((1, 1, 1, 8, 8), (1, 1, 1, 9, 8), (2, 1, 1, 8, 8))
    narrow, wide, other = (default_network(DefaultConfig(*shape)).state_dict() for shape in shapes)
    for wrong in (narrow, other):
        with pytest.raises(ValueError):
            widened(wide, wrong)
