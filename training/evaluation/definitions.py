"""What the page of results says in words: definitions, caveats, and who made the data in the pictures."""
from FusionINNLib.volumes.foreground import LEVEL
from training.evaluation.measure import SAMPLES, SEED

DEFINITIONS = f"""\
- **Values** are means over patients of the means over their slices, so that each patient counts alike. The tables patient by patient give
  the spread, and the mean over all slices beside it.
- **Scale**: the nominal 0..1 scale of the normalisation that is stored with the fused image (0 background, 1 the 99.9th percentile inside
  the head), neither rounded nor cut. **Q_SSIM** is the mean structural similarity of 11 x 11 Gaussian windows (sigma 1.5, data range 1) of
  a slice, windows that fit inside it, background included ("whole slice"); "inside the head" is the mean over windows whose centre lies in
  the head.
- **Head**: where the larger of both normalised sources exceeds {LEVEL:g}, opened by a cross of 3 x 3 pixels, holes filled, slice by slice.
- **Exact**: whole volumes taken apart again with the saved latent. Integer sources that were not resampled: voxels that differ, summed over
  patients; others: largest error against their range, the worst patient.
- **Plain average**: the mean of both normalised sources. The difference of the sums is that of Q_SSIM to first + to second.
- **High-frequency energy**: mean square of the 3 x 3 Laplacian (0 1 0, 1 -4 1, 0 1 0) inside the head, of the fused image against the
  larger of the two sources, slice by slice.
- **Estimate**: mean of {SAMPLES} drawn latents, seed {SEED}, from the fused image alone, written to a NIfTI file and read again; int16 and
  uint8 use all their integers over the range of the volume, with scale factors in the header. In float32 and int16 the digits that fused
  image and latent exchanged can be read (`methods/fusioninn/digits.py`); uint8 shows what the learned layers hid, and what is left after
  any smoothing or resampling of the fused image.
- **Spread**: root mean square of the standard deviation over the {SAMPLES} draws, against that of the estimate's error, all measured slices
  of a patient together.
- **Latent**: voxels inside the head of all measured slices of a patient together, nothing rescaled; its targets must be met by every
  patient, all others by the mean."""

RELEASED_PROGRAM = f"""\
The released program puts a sigmoid outside of the flow f in both directions: its fused image is sigmoid(y), its decomposition
sigmoid(f^-1([sigmoid(y), noise])), one draw (seed {SEED}), whole slices. f^-1 is never given y again, so that program has no exact way
back, not even with the saved latent z. A model that was trained as released was trained for the rows of the released program; the tables
above are of this program, which leaves both sigmoids out and saves y and z. No row here has anything to do with the exact way back."""

CAVEATS = """\
- The validation set is three patients of one challenge (BraTS 2018), pre-operative and skull-stripped; the best weights were chosen on
  fifteen of their slices, which makes the first column a little too good. A test on more patients and on post-operative scans is missing.
- There is one real ADC / FLAIR pair, a stroke and no tumour, both skull-stripped, the ADC at 2 mm, the FLAIR at 0.45 x 0.45 x 5 mm. On the
  grid of the FLAIR the ADC is interpolated more than four times, so there is little in it to hide: the column on the grid of the ADC, where
  all its detail is left, is the harder and the more telling one. Nothing was trained or chosen on it.
- openms is one patient with multiple sclerosis; its volumes were resampled and skull-stripped by their makers.
- SSIM rewards images that are alike window by window. It does not say whether a lesion can still be told from its surround: look at the
  pictures at full size.
- An estimate is what a network believes, not a scan. That it is so close from float32 and int16 holds for the fused image as it was
  written; a copy that was smoothed, resampled or windowed gives what the rows of uint8 show, or less."""

PICTURES = {
    "isles22.png": "ISLES 2022 (Hernandez Petzsche et al. 2022), one stroke case, CC BY-SA 4.0: ADC and FLAIR, lesion outlined.",
    "openms.png": "Multiple sclerosis patient 07 of Lesjak et al. 2017, CC BY: T1 with contrast and FLAIR, lesions outlined.",
}
