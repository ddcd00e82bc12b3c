"""The whole inputs of a campaign: a made-up case, its fusion by a small network, and one file of each kind that is read."""
import asyncio
import base64
import gzip
import hashlib
import json
import shutil
from pathlib import Path

from mutations import Target
from mutators import mutate_bytes, mutate_json, mutate_packed, mutate_recipe, mutate_upload


def make_case(folder: Path) -> None:
    """`first.nii.gz`, `second.nii.gz`, `tiny/` (a model), `fused/` (their fusion), and `kinds/` with a volume in other formats."""
    import conftest
    import numpy as np
    import SimpleITK as sitk
    from making import affine_from, head, volume, write_dicom

    from FusionINNLib.cli.__main__ import main
    from FusionINNLib.volumes.io import write_nifti
    from FusionINNLib.volumes.itk import to_sitk

    shutil.rmtree(folder, ignore_errors=True)
    kinds = folder / "kinds"
    kinds.mkdir(parents=True)
    model = conftest.write_model(folder / "tiny", "default", 0.7, half_before=1, quarter=1, half_after=1, half_width=8, quarter_width=8)
    write_nifti(volume(head(), slope=0.5, intercept=-3.0), folder / "first.nii.gz")
    write_nifti(volume(head(seed=1)), folder / "second.nii.gz")
    code = main(["fuse", str(folder / "first.nii.gz"), str(folder / "second.nii.gz"), "--out", str(folder / "fused"), "--model", str(model),
                 "--device", "cpu"])
    if code:
        raise RuntimeError("the campaign's own case cannot be fused")
    affine = affine_from(np.diag([-1, -1, 1]), (1, 1, 3))
    image = to_sitk(head(), affine)
    for name in ("one.nrrd", "one.mha", "one.nii"):
        sitk.WriteImage(image, str(kinds / name))
    sitk.WriteImage(to_sitk((head() > 100).astype(np.uint8), affine), str(kinds / "one.seg.nrrd"))
    write_dicom(kinds / "dicom", head()[:6], affine)
    _write_segmentation(kinds / "seg")
    upload = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in sorted((kinds / "dicom").iterdir())]
    (kinds / "upload.json").write_text(json.dumps(upload), encoding="utf-8")


def _write_segmentation(folder: Path) -> None:
    """A DICOM segmentation of two segments, as `folder`/0000.dcm."""
    import numpy as np
    from dicom_making import save, slices
    from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
    from making import head
    from pydicom.sr.codedict import codes

    labels = np.zeros((6, 20, 24), np.uint8)
    labels[2:4, 5:9, 6:12], labels[3:5, 10:14, 9:15] = 1, 2
    sources = slices(head(shape=labels.shape))
    for n, one in enumerate(sources):
        one.SOPInstanceUID = f"1.2.5.{n}"
    segments = [SegmentDescription(n, f"part {n}", codes.SCT.Tissue, codes.SCT.Tissue, SegmentAlgorithmTypeValues.MANUAL) for n in (1, 2)]
    made = Segmentation(sources, labels, "BINARY", segments, "1.2.6", 7, "1.2.7", 1, "made", "up", "1", "0", series_description="outlines")
    made.ContentDate = made.InstanceCreationDate = "20200131"  # the same bytes whenever it is made
    made.ContentTime = made.InstanceCreationTime = "120000"
    for dimensions in (made.DimensionOrganizationSequence, made.DimensionIndexSequence):
        for one in dimensions:
            one.DimensionOrganizationUID = "1.2.8"
    save([made], folder)


async def _send(files: list, folder: Path) -> None:
    """What the page does with files that come: stored in a folder of their own, read, dropped. Nothing may lie elsewhere."""
    from FusionINNLib.viewer.inputs import read_input
    from FusionINNLib.viewer.uploads import Uploads

    async def pieces(data: bytes):
        for start in range(0, len(data), 4096):
            yield data[start:start + 4096]

    async def parts():
        for name, data in files:
            yield name, pieces(data)

    uploads = Uploads(2 ** 20)
    uploads.folder.rmdir()
    uploads.folder = folder / "uploads"
    uploads.folder.mkdir()
    before = set(folder.iterdir())
    try:
        path = await uploads.receive(parts())
        try:
            read_input("first", path)
        finally:
            uploads.drop(path)
    finally:
        if set(folder.iterdir()) != before or any(uploads.folder.iterdir()):
            raise RuntimeError("an upload lies where it should not")


def load_all(folder: Path) -> None:
    """Do once what is done to the case of `make_case` later, so that all is loaded that it takes."""
    from FusionINNLib.cli.__main__ import main

    common = ["--model", str(folder / "tiny"), "--device", "cpu"]
    main(["decompose", str(folder / "fused"), "--out", str(folder / "exact"), *common])
    main(["decompose", str(folder / "fused/fused.nii.gz"), "--estimate", "--out", str(folder / "estimate"), *common])
    for target in targets(folder):
        target.read(target.whole)


def targets(folder: Path) -> list[Target]:
    """All kinds of input that the program reads, made by `make_case`. What is taken is worked with too, as far as it is quick."""
    import FusionINNLib as fi
    from FusionINNLib.viewer.inputs import read_input
    from FusionINNLib.volumes.io import read_segmentation, read_volume

    kinds, model = folder / "kinds", str(folder / "tiny")
    (kinds / "fused.nii").write_bytes(gzip.decompress((folder / "fused/fused.nii.gz").read_bytes()))
    slices = tuple(sorted(path.name for path in (kinds / "dicom").iterdir()))

    def read_and_estimate(path: Path) -> None:
        found = fi.read_fused(path, model)
        fi.estimate(found.fused, found.recipe, samples=1, model=model, device="cpu")

    def read_and_decompose(path: Path) -> None:
        stored = fi.read_fusion(path)
        fi.decompose(stored.fused, stored.latent, stored.recipe, model=model, device="cpu")

    def fuse_with(path: Path) -> None:
        card = path / "card.json"
        record = json.loads(card.read_text(encoding="utf-8")) if path.name == "weights" else None
        if record is not None:  # a checksum that fits, so that what is in the weights is looked at
            record["sha256"] = hashlib.sha256((path / "weights.pt").read_bytes()).hexdigest()
            card.write_text(json.dumps(record), encoding="utf-8")
        fi.fuse(read_volume(folder / "second.nii.gz"), read_volume(folder / "second.nii.gz"), model=str(path), device="cpu")

    def receive(path: Path) -> None:
        asyncio.run(_send([[name, base64.b64decode(data)] for name, data in json.loads(path.read_text(encoding="utf-8"))], path.parent))

    shutil.copytree(folder / "tiny", folder / "weights", dirs_exist_ok=True)
    return [Target("NIfTI", kinds / "one.nii", (), mutate_bytes, read_volume),
            Target("NIfTI, packed", folder / "first.nii.gz", (), mutate_packed, read_volume),
            Target("NRRD", kinds / "one.nrrd", (), mutate_bytes, read_volume),
            Target("MetaImage", kinds / "one.mha", (), mutate_bytes, read_volume),
            Target("DICOM series", kinds / "dicom", slices, mutate_bytes, read_volume),
            Target("DICOM segmentation", kinds / "seg/0000.dcm", (), mutate_bytes, read_segmentation),
            Target("segmentation", kinds / "one.seg.nrrd", (), mutate_bytes, read_segmentation),
            Target("result folder: record", folder / "fused", ("fusion.json",), mutate_json, read_and_decompose),
            Target("result folder: volumes", folder / "fused", ("fused.nii.gz", "latent.nii.gz"), mutate_packed, read_and_decompose),
            Target("model: card", folder / "tiny", ("card.json",), mutate_json, fuse_with),
            Target("model: weights", folder / "weights", ("weights.pt",), mutate_bytes, fuse_with),
            Target("fused image with its recipe", kinds / "fused.nii", (), mutate_bytes, read_and_estimate),
            Target("recipe in a header", kinds / "fused.nii", (), mutate_recipe, read_and_estimate),
            Target("upload to the page: names, parts", kinds / "upload.json", (), mutate_upload, receive),
            Target("upload to the page", folder / "first.nii.gz", (), mutate_packed, lambda path: read_input("first", path))]
