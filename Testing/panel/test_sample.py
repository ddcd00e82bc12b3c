"""The sample case, Sample Data, the logic without a panel, the self-test."""
import numpy as np
import pytest


def test_the_sample_case_is_one_click_away(panel):
    panel.longest_pause_s = 0.0
    status = panel.compute("sampleButton")
    assert "no patient" in status
    assert panel.parameters.firstVolume.GetName().startswith("ADC")
    assert panel.parameters.segmentation.GetSegmentation().GetNumberOfSegments() == 3
    assert panel.ui.fuseButton.enabled
    assert panel.longest_pause_s < 1


def test_the_sample_case_is_registered_in_sample_data(module, panel):
    import slicer

    source, = slicer.modules.sampleDataSources["FusionINN"]
    nodes = source.customDownloader(source)
    assert [node.GetClassName() for node in nodes] == ["vtkMRMLScalarVolumeNode", "vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode"]
    with open(source.thumbnailFileName, "rb") as file:
        assert file.read(4) == b"\x89PNG"


def test_fusing_the_sample_case_never_blocks_the_window(panel):
    panel.compute("sampleButton")
    panel.longest_pause_s = 0.0
    status = panel.compute("fuseButton")
    assert "The first volume was registered" in status
    assert any(text.startswith("Registering: ") for text in panel.statuses)
    assert panel.longest_pause_s < 1, "computing takes several, storing and showing the results is included"


def test_the_logic_alone_goes_there_and_back(panel, tiny_model, tmp_path):
    import slicer

    panel.load_small_case()
    first, second = panel.parameters.firstVolume, panel.parameters.secondVolume
    logic = panel.module.FusionINNLogic()
    nodes = logic.fuse(first, second, model=tiny_model, device="cpu")
    exact = logic.decompose(nodes.fused, model=tiny_model)
    assert np.array_equal(slicer.util.arrayFromVolume(exact[0]), slicer.util.arrayFromVolume(first))
    guess = logic.estimate(nodes.fused, samples=2, model=tiny_model)
    assert slicer.util.arrayFromVolume(guess.firstSpread).max() > 0
    folder = logic.export(tmp_path / "result", nodes.fused, model=tiny_model)
    again, others = logic.loadResult(folder)
    assert np.array_equal(slicer.util.arrayFromVolume(again.latent), slicer.util.arrayFromVolume(nodes.latent))
    table = logic.numbers(nodes.fused, panel.parameters.segmentation, model=tiny_model)
    assert table.GetNumberOfRows() > 10


def test_the_self_test_runs_the_real_network(module):
    test = module[1].FusionINNTest()
    test.messageDelay = 1
    test.delayDisplay = lambda message, *arguments, **more: None
    test.runTest()


def test_the_self_test_fails_where_nothing_can_be_tested(module, monkeypatch):
    from FusionINNPanel import requirements

    monkeypatch.setattr(requirements, "_versionOf", lambda package: None)
    test = module[1].FusionINNTest()
    test.delayDisplay = lambda message, *arguments, **more: None
    with pytest.raises(AssertionError, match="Nothing was tested"):
        test.runTest()
