"""Every row of the registry against its flags, what is refused, and a method from somebody else's package."""
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from command_line import ROOT, assert_one_sentence, run
from making import head, volume

import FusionINNLib as fi
from FusionINNLib.errors import CapabilityError, InputError, ModelError
from FusionINNLib.methods import registry
from FusionINNLib.methods.base import Capabilities, MethodInfo
from FusionINNLib.methods.registry import Lacking, Ready
from FusionINNLib.pipeline import decompose, estimate, fuse
from FusionINNLib.volumes.io import read_volume, write_nifti

PAIR = (volume(head(), "adc"), volume(head(np.uint16, seed=1), "flair"))
PLUG_IN = '''
import numpy as np
from FusionINNLib.methods.base import MethodInfo, SliceMethod

INFO = MethodInfo("lower", "Lower envelope", "The darker of both.", "Nobody 2020: Nothing", "10.0/0", "lower_method:Lower")

class Lower(SliceMethod):
    """The smaller of the two."""

    def fuse_slices(self, first, second):
        return np.minimum(first, second)
'''


@pytest.fixture(scope="module", params=list(registry.METHODS))
def made(request):
    """(row, fusion) of every method of this program, on a small pair."""
    if isinstance(lacking := registry.state(request.param), Lacking):
        pytest.fail(f"{request.param} cannot be used here: {lacking.what}")
    return registry.info(request.param), fuse(*PAIR, method=request.param, device="cpu", seed=3)


def test_a_row_says_what_people_need(made):
    info, _ = made
    assert info.name.isidentifier() and info.title and info.summary.endswith(".") and len(info.citation) > 20
    assert info.doi.startswith("10.") and info.terms


def test_the_fused_image_holds_both_on_the_nominal_scale(made):
    _, fusion = made
    assert fusion.fused.shape == PAIR[0].shape and fusion.fused.array.dtype == np.float32
    assert -0.25 < fusion.fused.array.min() and 0.5 < fusion.fused.array.max() < 2
    background = (PAIR[0].array == 0) & (PAIR[1].array == 0)
    far = background[:, :4, :4]
    assert far.all() and np.abs(fusion.fused.array[:, :4, :4]).max() < 0.05, "background stays background"
    for source in PAIR:
        inside = source.array > 0
        assert np.corrcoef(fusion.fused.array[inside], source.array[inside])[0, 1] > 0.2


def test_flags_are_kept(made):
    info, fusion = made
    can = info.capabilities
    assert (fusion.recipe.method, fusion.recipe.model) == (info.name, info.default_model)
    assert (fusion.latent is not None) == can.exact
    if can.exact:
        for back, source in zip(decompose(fusion.fused, fusion.latent, fusion.recipe, device="cpu"), PAIR):
            np.testing.assert_array_equal(back.array, source.array)
    else:
        with pytest.raises(CapabilityError, match=info.title):
            decompose(fusion.fused, fusion.fused, fusion.recipe)
    if can.estimate:
        assert estimate(fusion.fused, fusion.recipe, samples=1, device="cpu").first.shape == PAIR[0].shape
    else:
        with pytest.raises(CapabilityError, match=info.title):
            estimate(fusion.fused, fusion.recipe)
    again = fuse(*PAIR, method=info.name, device="cpu", seed=3 if not can.deterministic else 4)
    np.testing.assert_array_equal(again.fused.array, fusion.fused.array)


def test_a_method_that_only_fuses_says_so_from_the_command_line(tmp_path):
    for source, name in zip(PAIR, ("a", "b")):
        write_nifti(source, tmp_path / f"{name}.nii.gz")
    code, out, err = run("fuse", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz", "--method", "laplacian", "--out", tmp_path / "out")
    assert code == 0, err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"fused.nii.gz", "fusion.json", "report.png"}
    assert "latent" not in out and "it has no way back" in out
    record = json.loads((tmp_path / "out/fusion.json").read_text())
    assert record["recipe"]["method"] == record["settings"]["method"] == "laplacian" and record["recipe"]["model"] is None
    for arguments in ([tmp_path / "out"], [tmp_path / "out/fused.nii.gz", "--estimate"]):
        code, _, err = run("decompose", *arguments, "--out", tmp_path / "back")
        assert_one_sentence(code, err, "Laplacian pyramid only fuses", "choose FusionINN")
        assert not (tmp_path / "back").exists()


def test_unknown_methods_and_foreign_models_are_refused(tiny_model, tmp_path):
    with pytest.raises(InputError, match="no fusion method 'magic': choose one of fusioninn, average"):
        fuse(*PAIR, method="magic")
    with pytest.raises(ModelError, match="Average has no models"):
        fuse(*PAIR, method="average", model=tiny_model)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/card.json").write_text(json.dumps({"id": "other", "method": "ddfm", "sha256": "", "description": ""}))
    with pytest.raises(ModelError, match="belongs to the method ddfm, not to fusioninn"):
        fuse(*PAIR, model=str(tmp_path / "other"))


def test_what_is_lacking_is_named():
    row = replace(registry.info("average"), name="lacking", requires=("no_such_package",))
    registry.register(row)
    try:
        assert registry.state("lacking") == Lacking("the package no_such_package is not installed", "install no_such_package")
        assert isinstance(registry.state("average"), Ready) and registry.names()[-1] == "lacking"
        with pytest.raises(ModelError, match="no_such_package is not installed"):
            fuse(*PAIR, method="lacking")
        with pytest.raises(ValueError, match="already"):
            registry.register(row)
    finally:
        registry.unregister("lacking")
    assert "lacking" not in registry.names()


def test_weights_that_are_lacking_are_named_with_the_command_that_makes_them(tiny_model, monkeypatch):
    monkeypatch.setattr(registry.model_card, "available", lambda: [])
    lacking = registry.state("fusioninn")
    assert isinstance(lacking, Lacking) and registry.info("fusioninn").training in lacking.remedy and "folder" in lacking.remedy
    assert isinstance(registry.state("fusioninn", tiny_model), Ready), "a folder of somebody's is as good"
    assert isinstance(registry.state("fusioninn", "/nowhere"), Lacking)
    row = replace(registry.info("fusioninn"), name="theirs", default_model=None, training="")
    registry.register(row)
    try:
        assert "make them" not in registry.weights_remedy(row)
        with pytest.raises(ModelError, match="needs trained weights: name the folder"):
            registry.create("theirs")
    finally:
        registry.unregister("theirs")


def test_the_sentences_fit_what_a_method_can():
    from FusionINNLib.methods.base import no_estimate, no_exact_way

    row = registry.info("average")
    exact, estimated = (MethodInfo("x", "X", "", "", "", "", Capabilities(exact=can, estimate=not can)) for can in (True, False))
    assert no_exact_way(row) == no_estimate(row) != no_exact_way(estimated) != no_estimate(exact)


def test_a_method_of_another_package_is_found(tmp_path):
    """Installed as any package is, by its entry point; one beside it that is broken does no harm."""
    (tmp_path / "lower_method.py").write_text(PLUG_IN)
    for name, target in (("lower", "lower_method:INFO"), ("broken", "no_such_module:INFO")):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[fusioninn.methods]\n{name} = {target}\n")
    for source, name in zip(PAIR, ("a", "b")):
        write_nifti(source, tmp_path / f"{name}.nii.gz")
    path = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    code, out, err = run("fuse", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz", "--method", "lower", "--out", tmp_path / "out", **path)
    assert code == 0, err
    fused = read_volume(tmp_path / "out/fused.nii.gz").array
    assert fused.shape == PAIR[0].shape and (fused <= fuse(*PAIR, method="average").fused.array + 1e-6).all()
    code, out, _ = run("methods", "--json", **path)
    listed = {row["name"]: row for row in json.loads(out)}
    assert code == 0 and listed["lower"]["citation"] == "Nobody 2020: Nothing" and "broken" not in listed
    assert listed["fusioninn"]["capabilities"]["exact"] and listed["fusioninn"]["models"][0] == "default"


def test_the_table_is_for_people(capsys):
    from FusionINNLib.cli.__main__ import main

    assert main(["methods"]) == 0
    out = capsys.readouterr().out
    assert all(any(line.startswith(name) for line in out.splitlines()) for name in registry.names())
    assert "exact, estimated" in out and "Kumar et al. 2024" in out


def test_listing_loads_no_network():
    code = ("import sys; import FusionINNLib as fi; from FusionINNLib import pipeline; from FusionINNLib.methods import base, registry; "
            "from FusionINNLib.results import records; [registry.state(name) for name in registry.names()]; fi.list_methods(); "
            "from FusionINNLib.cli.__main__ import main; main(['methods']); "
            "from FusionINNLib.results.folder import read_fusion; read_fusion(__import__('pathlib').Path(sys.argv[1])); "
            "print([name for name in ('torch', 'slicer', 'vtk', 'matplotlib') if name in sys.modules])")
    folder = ROOT / "Testing" / "golden" / "format1" / "fused"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_python_list_is_that_of_the_registry():
    assert [info.name for info in fi.list_methods()] == registry.names()
