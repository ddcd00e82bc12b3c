"""A volume in colour: chosen, fused by its luminance, shown in colour in all views, or refused in one sentence."""
import numpy as np
import pytest


@pytest.fixture
def colored(case):
    """The small case with the second volume as a picture of a colour map."""
    import slicer

    grey = slicer.util.arrayFromVolume(case.parameters.secondVolume).astype(np.float32)
    level = (grey - grey.min()) / np.ptp(grey)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "PET in colour")
    node.CopyOrientation(case.parameters.secondVolume)
    slicer.util.updateVolumeFromArray(node, np.rint(220 * np.stack([level, level ** 2, level ** 4], -1)).astype(np.uint8))
    node.CreateDefaultDisplayNodes()
    case.ui.secondVolumeSelector.setCurrentNode(node)
    assert case.parameters.secondVolume is node
    return case


def shown(view: str):
    import slicer

    from FusionINNLib import mrml

    composite = mrml.compositeNodeOf(slicer.mrmlScene, view)
    return slicer.mrmlScene.GetNodeByID(composite.GetForegroundVolumeID() or composite.GetBackgroundVolumeID())


def test_a_source_in_colour_is_fused_and_all_its_views_are_in_colour(colored):
    import slicer

    status = colored.compute("fuseButton")
    assert "not activity" in status, status
    fused = colored.parameters.fusedVolume
    assert not fused.IsA("vtkMRMLVectorVolumeNode") and colored.parameters.decomposedVolume is fused
    assert shown("second").GetName() == "PET in colour"
    assert shown("fused").GetName() == f"{fused.GetName()} in colour"
    colored.compute("decomposeButton")
    assert shown("decomposedSecond").IsA("vtkMRMLVectorVolumeNode") and not shown("decomposedFirst").IsA("vtkMRMLVectorVolumeNode")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(shown("decomposedSecond")), slicer.util.arrayFromVolume(shown("second")))
    slicer.mrmlScene.RemoveNode(fused.GetNodeReference("FusionINN.Chroma"))
    assert "shown in grey" in colored.compute("decomposeButton")
    assert shown("decomposedSecond") is colored.parameters.secondExact


def test_the_order_that_a_method_was_trained_with_is_asked_for_before_the_work(colored):
    """LAGN wants the anatomical image first."""
    label, grey, picture = colored.ui.patientLabel, colored.parameters.firstVolume, colored.parameters.secondVolume
    colored.parameters.fusionMethod = "lagn"
    colored.panel.refresh()
    assert not label.visible, "as it should be"
    colored.parameters.secondVolume = None
    colored.parameters.firstVolume, colored.parameters.secondVolume = picture, grey
    colored.panel.refresh()
    assert label.visible and label.text == ("LAGN was trained with the anatomical image first, and here the one in colour is: give them in "
                                            "the other order.")
    assert not colored.panel.state.isRunning
    grey.SetName("sub-01_mr")
    picture.SetName("sub-02_pet")
    colored.panel.refresh()
    assert "different patients" in label.text and "the other order" in label.text, "both are said"
    colored.parameters.fusionMethod = "average"
    colored.panel.refresh()
    assert "the other order" not in label.text


def test_colours_that_are_no_bytes_are_refused_in_one_sentence(colored):
    import slicer

    slicer.util.updateVolumeFromArray(colored.parameters.secondVolume, np.zeros((8, 9, 10, 3), np.float32))
    status = colored.compute("fuseButton")
    assert "no bytes" in status and "Vector to Scalar Volume" in status
    assert colored.parameters.fusedVolume is None
