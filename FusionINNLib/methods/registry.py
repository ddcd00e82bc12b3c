"""The fusion methods there are: one literal table, in the order in which lists show them, and what is found of others' plug-ins.

Reading it imports no method and no network. A package of its own adds a method by an entry point of the group `fusioninn.methods` that
names a `MethodInfo`:

    [project.entry-points."fusioninn.methods"]
    mine = "my_package.fusion:INFO"
"""
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from FusionINNLib.errors import FusionINNError, InputError, ModelError
from FusionINNLib.methods import cost, model_card
from FusionINNLib.methods.base import Capabilities, FusionMethod, MethodInfo
from FusionINNLib.methods.cost import Cost
from FusionINNLib.methods.settings import Setting, Value, from_text, resolved
from FusionINNLib.results.recipe import Recipe

DEFAULT = "fusioninn"
GROUP = "fusioninn.methods"

_KUMAR = "Kumar et al. 2024: FusionINN: Decomposable Image Fusion for Brain Tumor Monitoring"
_SURVEY = "Li, Kang, Fang, Guo, Yin 2017: Pixel-level image fusion: A survey of the state of the art"
_LI_1995 = "Li, Manjunath, Mitra 1995: Multisensor image fusion using the wavelet transform"
_BURT = "Burt, Kolczynski 1993: Enhanced image capture through fusion"
_ZHAO = "Zhao et al. 2023: DDFM: Denoising Diffusion Model for Multi-Modality Image Fusion"
_LIU = "Liu, Fan, Zhang, Dai, Xie, Liang 2023: Three-Dimensional Medical Image Fusion with Deformable Cross-Attention"
_QU = "Inspired by Qu, Huang, Shi, Liu, Tang 2025: Diffusion-driven multi-modality medical image fusion (built from its abstract)"
_CHEN = "Chen, Wornell 2001: Quantization index modulation: A class of provably good methods for digital watermarking and " \
        "information embedding"
_GUIDED = "Li, Kang, Hu 2013: Image fusion with guided filtering"

METHODS: dict[str, MethodInfo] = {info.name: info for info in (
    MethodInfo("fusioninn", "FusionINN", "An invertible network: what it fuses it takes apart again.", _KUMAR, "10.48550/arXiv.2403.15769",
               "FusionINNLib.methods.fusioninn.method:FusionINN",
               Capabilities(exact=True, estimate=True, draws=True, needs_training=True), "default", ("torch",), "see MODEL_LICENSE",
               "python -m training fit --prepared prepared --splits splits.json --run runs/fusioninn", cost=Cost(3.5)),
    MethodInfo("average", "Average", "The mean of both sources: the plain reference.", _SURVEY, "10.1016/j.inffus.2016.05.004",
               "FusionINNLib.methods.classical.rules:Average", cost=Cost(0.2)),
    MethodInfo("maximum", "Maximum", "The brighter of both sources, voxel by voxel.", _SURVEY, "10.1016/j.inffus.2016.05.004",
               "FusionINNLib.methods.classical.rules:Maximum", cost=Cost(0.2)),
    MethodInfo("laplacian", "Laplacian pyramid", "Details of the source where they are stronger, over the mean of what is coarse.", _BURT,
               "10.1109/ICCV.1993.378222", "FusionINNLib.methods.classical.laplacian:LaplacianPyramid", cost=Cost(0.3)),
    MethodInfo("wavelet", "Discrete wavelet", "Wavelet details by the larger magnitude, over the mean of what is coarse.", _LI_1995,
               "10.1006/gmip.1995.1022", "FusionINNLib.methods.classical.wavelet:Wavelet", requires=("pywt",), cost=Cost(0.3)),
    MethodInfo("gradient", "Gradient-guided selection", "The source with the stronger edges, by weights that follow them.", _GUIDED,
               "10.1109/TIP.2013.2244222", "FusionINNLib.methods.classical.gradient:GradientGuided", cost=Cost(0.5)),
    MethodInfo("ddfm", "DDFM", "A diffusion that is drawn to both sources at every step; as published it comes to their average.", _ZHAO,
               "10.1109/ICCV51070.2023.00742", "FusionINNLib.methods.ddfm.method:Ddfm",
               Capabilities(needs_training=True, deterministic=False), "ddfm-gaussian", ("torch",), "see MODEL_LICENSE",
               "python -m training prior --data DIR --splits FILE --out DIR",
               (Setting("em", "released", "how the sources put an image right: as in the authors' code, or as in their paper",
                        choices=("released", "paper")),
                Setting("sampler", "ddim", "steps without fresh noise (code) or with it (paper)", choices=("ddim", "ancestral")),
                Setting("steps", 100, "of the diffusion's 1000", least=2, most=1000),
                Setting("psi", 0.5, "weight of the smoothness of what is put right"),
                Setting("eta", 0.001, "how firmly that smoothness is coupled"),
                Setting("update_scales", True, "whether the scales of the EM step are learned on the way"),
                Setting("stretch", False, "each slice from black to white, as published, in place of the sources' range")),
               Cost(0.1, "steps", (("ddfm-unet", 7.3),))),
    MethodInfo("dc2fusion", "DC2Fusion", "Two streams that look at each other through deformable cross-attention, across slices.", _LIU,
               "10.1007/978-981-99-8141-0_41", "FusionINNLib.methods.dc2fusion.method:DC2Fusion", Capabilities(needs_training=True, dims=3),
               "dc2fusion", ("torch", "monai"), "see MODEL_LICENSE",
               "python -m training fit --set preset=dc2fusion --prepared prepared --splits splits.json --run runs/dc2fusion",
               cost=Cost(13.0)),
    MethodInfo("lagn", "LAGN", "A local and a global network on what a diffusion of both modalities together knows of them.", _QU,
               "10.1007/s11517-025-03300-6", "FusionINNLib.methods.lagn.method:LagnMethod",
               Capabilities(needs_training=True, deterministic=False, ordered=True), "lagn", ("torch", "monai", "einops"),
               "see MODEL_LICENSE",
               "python -m training fit --set preset=lagn --start runs/diffusion --prepared prepared --splits splits.json --run runs/lagn",
               cost=Cost(45.0)),
    MethodInfo("rdh", "Reversible data hiding", "The average in 256 grey levels, whose digits hold the difference: nothing is trained.",
               _CHEN, "10.1109/18.923725", "FusionINNLib.methods.rdh.method:Rdh", Capabilities(exact=True, estimate=True, dims=3),
               cost=Cost(4.7)),
)}


@dataclass(frozen=True)
class Ready:
    """A method that can be used here and now."""


@dataclass(frozen=True)
class Lacking:
    """What keeps a method from being used here, and what to do about it; neither ends with a full stop."""

    what: str
    remedy: str


# ---- what there is -----------------------------------------------------------------------------------------------------------------


def names() -> list[str]:
    """All methods, this program's own first."""
    return list(_all())


def info(name: str) -> MethodInfo:
    """The row of a method. Raises InputError for one that does not exist."""
    if name not in _all():
        raise InputError(f"There is no fusion method {name!r}: choose one of {', '.join(_all())}.")
    return _all()[name]


def models_of(name: str) -> list[str]:
    """Ids of the installed models of a method, its own default first. Damaged ones are left out."""
    found = [model for model in model_card.available() if _belongs(model, name)]
    return sorted(found, key=lambda model: model != info(name).default_model)


def state(name: str, model: str | None = None) -> Ready | Lacking:
    """Whether a method can be used: its packages and, where it needs one, a model. model: folder of one that does not come with the
    program."""
    row = info(name)
    missing = [package for package in row.requires if importlib.util.find_spec(package) is None]
    if missing:
        return Lacking(f"the package {missing[0]} is not installed", f"install {' and '.join(missing)}")
    if row.capabilities.needs_training and not models_of(name) and not (model and _belongs(model, name)):
        return Lacking("its trained weights are not installed", weights_remedy(row))
    return Ready()


def weights_remedy(row: MethodInfo) -> str:
    """What to do where a method has no weights; no full stop at the end."""
    return f"make them with '{row.training}', or name the folder of a model of it" if row.training else "name the folder of a model of it"


def register(row: MethodInfo) -> None:
    """Add a method for this process. Raises ValueError where the name is taken."""
    if row.name in _all():
        raise ValueError(f"there is a method {row.name!r} already")
    _all()[row.name] = row


def unregister(name: str) -> None:
    """Take a method out again that was `register`ed."""
    del _all()[name]


# ---- ready to work -----------------------------------------------------------------------------------------------------------------


def create(name: str, model: str | None = None, settings: Mapping[str, object] | None = None) -> FusionMethod:
    """A method ready to fuse.

    Args:
        model: id or path of a model folder; None for the method's own.
        settings: of those of the method's row, the ones that are not to be as the model's card has them by "defaults", or as the row has.

    Raises InputError for an unknown method or setting, ModelError where something is missing or the model belongs to another method.
    """
    row = info(name)
    if missing := [package for package in row.requires if importlib.util.find_spec(package) is None]:
        raise ModelError(f"{row.title} cannot be used here, for the package {missing[0]} is not installed: "
                         f"install {' and '.join(missing)}, or choose another method.")
    card = _card(row, model)
    method = _class_of(row)(row, card)
    method.settings = _settings(row, card, settings)
    return method


def settings_of(name: str, model: str | None = None, given: Mapping[str, object] | None = None) -> Mapping[str, Value]:
    """Every setting of a method with the value that `create` would give it; loads no network. Raises as `create`."""
    row = info(name)
    return _settings(row, _card(row, model) if row.settings else None, given)


def usual_settings(name: str, model: str | None = None) -> Mapping[str, Value]:
    """As `settings_of` where nothing is given; those of the row where the model is not here."""
    try:
        return settings_of(name, model)
    except ModelError:
        return {setting.name: setting.default for setting in info(name).settings}


def seconds_of(name: str, shape_kji: tuple[int, ...], model: str | None = None, given: Mapping[str, object] | None = None) -> float | None:
    """About how long a method takes to fuse on a grid, see `cost.Cost`; None where nobody has measured it. Raises as `create`."""
    row = info(name)
    if row.cost is None:
        return None
    card = _card(row, model)
    return row.cost.of(shape_kji, card.id if card else None, _settings(row, card, given))


def cost_in_words(name: str, shape_kji: tuple[int, ...] | None = None, model: str | None = None, settings: str = "") -> str:
    """A sentence on how long a fusion will take, before anything is checked; "" where that cannot be said.

    shape_kji: of the grid, None while nobody has chosen a volume. settings: as typed; where they are none, those of the method count.
    """
    shape = shape_kji or cost.TYPICAL_KJI
    for text in (settings, ""):
        try:
            seconds = seconds_of(name, shape, model, from_text(text))
        except FusionINNError:  # said where somebody fuses
            continue
        return "" if seconds is None else cost.sentence(seconds, shape)
    return ""


def method_of(recipe: Recipe, model: str | None = None) -> FusionMethod:
    """The method that a recipe names, with its model or the one that is given instead. Raises as `create`."""
    return create(recipe.method, model or recipe.model)


def maker_of(recipe: Recipe, model: str | None = None) -> FusionMethod:
    """As `method_of`, and what is at hand is what made the fusion. Raises ModelError or ResultError where it is not."""
    method = method_of(recipe, model)
    method.check(recipe)
    return method


def _settings(row: MethodInfo, card: model_card.ModelCard | None, given: Mapping[str, object] | None) -> dict[str, Value]:
    return resolved(row.settings, given or {}, card.data.get("defaults", {}) if card else {}, row.title)


def _card(row: MethodInfo, model: str | None) -> model_card.ModelCard | None:
    if not row.capabilities.needs_training:
        if model is not None:
            raise ModelError(f"{row.title} has no models: leave the model out, or choose another method.")
        return None
    wanted = model or row.default_model
    if wanted is None:
        raise ModelError(f"{row.title} needs trained weights: {weights_remedy(row)}.")
    card = model_card.find(wanted)
    if card.method != row.name:
        others = ", ".join(models_of(row.name)) or "none is installed"
        raise ModelError(f"Model {card.id!r} belongs to the method {card.method}, not to {row.name}: choose that method, "
                         f"or a model of {row.name} ({others}).")
    return card


def drawn(recipe: Recipe, samples: int, seed: int) -> dict[str, int]:
    """What is recorded of how an estimate was drawn, JSON-ready: nothing by a method that draws no latents."""
    return {"samples": samples, "seed": seed} if info(recipe.method).capabilities.draws else {}


def _class_of(row: MethodInfo) -> type[FusionMethod]:
    module, _, name = row.target.partition(":")
    return getattr(importlib.import_module(module), name)


def _belongs(model: str, name: str) -> bool:
    try:
        return model_card.find(model).method == name
    except ModelError:
        return False


@cache
def _all() -> dict[str, MethodInfo]:
    """The table, and behind it what plug-ins name; one that cannot be loaded or takes a name again is left out."""
    found = dict(METHODS)
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            row = point.load()
        except Exception:  # somebody else's code: whatever it raises, this program's own methods are there
            continue
        if isinstance(row, MethodInfo):
            found.setdefault(row.name, row)
    return found
