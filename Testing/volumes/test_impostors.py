"""What bears a volume's name and is none is called what it is; a folder of one volume is that volume."""
import gzip
import io
import os
import tarfile

import numpy as np
import pytest
from making import head, volume

from FusionINNLib.errors import InputError
from FusionINNLib.volumes.io import read_segmentation, read_volume, write_nifti

LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0f' * 32}\nsize 1048576\n".encode()


def packed_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("first.nii"), None)
    return gzip.compress(buffer.getvalue(), mtime=0)  # the name of a test must not depend on the time


@pytest.mark.parametrize("content, words", [
    (LFS, "Git LFS pointer.*git lfs pull"), (b"/annex/objects/SHA256E-s17--00.nii.gz\n", "git-annex pointer.*git annex get"),
    (b"\r\n <!DOCTYPE html><title>Sign in</title>", "web page.*signed in"), (b"<?xml version='1.0'?><Error/>", "XML"),
    (b'{"message": "forbidden"}', "JSON"), (b"PK\x03\x04more", "zip archive"), (packed_tar(), "tar archive"), (b"", "empty"),
    (gzip.compress(b"<html>", mtime=0), "web page"), (b"%PDF-1.4", "PDF"), (b"\x89HDF\r\n\x1a\n", "HDF5")])
@pytest.mark.parametrize("name", ["first.nii.gz", "first.nrrd"])
def test_impostors_are_told_by_their_content(tmp_path, content, words, name):
    path = tmp_path / name
    path.write_bytes(content)
    for read in (read_volume, read_segmentation):
        with pytest.raises(InputError, match=words) as said:
            read(path)
        assert str(path) in str(said.value) and str(said.value).endswith(".") and "\n" not in str(said.value)


def test_links_without_content(tmp_path):
    (tmp_path / "a.nii.gz").symlink_to(".git/annex/objects/Xx/Yy/SHA256E-s17--00.nii.gz/SHA256E-s17--00.nii.gz")
    (tmp_path / "b.nii.gz").symlink_to("/no/such/place.nii.gz")
    for name, words in (("a.nii.gz", "git annex get"), ("b.nii.gz", "link to /no/such/place.nii.gz")):
        with pytest.raises(InputError, match=words):
            read_volume(tmp_path / name)


def test_what_cannot_be_read_or_never_ends(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.nii.gz")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read_volume(tmp_path / "pipe.nii.gz")
    write_nifti(volume(head()), tmp_path / "closed.nii.gz")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the superuser may read everything
    with pytest.raises(InputError, match="closed to you.*chmod"):
        read_volume(tmp_path / "closed.nii.gz")


def test_a_folder_of_one_volume(tmp_path):
    folder = tmp_path / "series"
    (folder / "below").mkdir(parents=True)
    write_nifti(volume(head()), folder / "below/t1.nii.gz")
    (folder / "below/t1.json").write_text("{}")
    found = read_volume(folder)
    np.testing.assert_array_equal(found.array, head())
    assert found.name == "t1" and "one volume in the folder" in found.notes[-1]
    write_nifti(volume(head()), folder / "below/t2.nii.gz")
    with pytest.raises(InputError, match=r"2 volumes \(below/t1.nii.gz, below/t2.nii.gz\)"):
        read_volume(folder)
    (folder / "IM0001").write_bytes(b"x")
    with pytest.raises(InputError, match="DICOM"):
        read_volume(folder)


@pytest.mark.parametrize("largest", [1e300, 3e38, -3e38, 2e30])
def test_values_beyond_arithmetic_are_refused(tmp_path, largest):
    values = head().astype(np.float64)
    write_nifti(volume(values / values.max() * largest), tmp_path / "vast.nii.gz")
    with pytest.raises(InputError, match="the values reach"):
        read_volume(tmp_path / "vast.nii.gz")
    scaled = volume(head(), slope=float(np.float32(1e35)))
    write_nifti(scaled, tmp_path / "scaled.nii.gz")
    with pytest.raises(InputError, match="the values reach"):
        read_volume(tmp_path / "scaled.nii.gz")
