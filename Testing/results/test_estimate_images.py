"""One table says what the images of a decomposition are called: everything that lists them agrees, and names on disk stay."""
from dataclasses import fields

from FusionINNLib.results import folder
from FusionINNLib.results.estimate_images import ESTIMATE_IMAGES, ESTIMATE_KINDS, EXACT_IMAGES
from FusionINNLib.results.records import Estimate


def test_the_records_are_the_volumes_of_an_estimate_in_their_order():
    volumes = tuple(field.name for field in fields(Estimate) if field.name not in ("warnings", "trust"))
    assert tuple(image.field for image in ESTIMATE_IMAGES) == volumes


def test_names_on_disk_and_in_scenes_stay():
    assert [image.file for image in EXACT_IMAGES + ESTIMATE_IMAGES] == [
        "first_exact.nii.gz", "second_exact.nii.gz", "first_estimated.nii.gz", "second_estimated.nii.gz", "first_spread.nii.gz",
        "second_spread.nii.gz", "cycle_error.nii.gz"]
    assert ESTIMATE_KINDS == {"estimated", "spread", "cycle"} and {image.kind.name for image in EXACT_IMAGES} == {"exact"}
    assert {image.file for image in ESTIMATE_IMAGES} <= folder.ESTIMATE_FILES
    assert {image.file for image in EXACT_IMAGES} <= folder.EXACT_FILES


def test_units_are_those_of_the_source_shown_and_the_cycle_error_has_none():
    assert [image.unit_of(("um2/s", "ms")) for image in ESTIMATE_IMAGES] == ["um2/s", "ms", "um2/s", "ms", ""]


def test_every_image_of_an_estimate_says_so():
    for image in ESTIMATE_IMAGES:
        assert all("ESTIMATED" in words for words in (image.kind.words, image.kind.node_words, image.kind.description))
    for image in EXACT_IMAGES:
        assert not any("ESTIMATED" in words for words in (image.kind.words, image.kind.node_words, image.kind.description))
