"""A page for each fusion method, made from its row of the registry when the site is built; links out of docs/ lead to the repository."""
import re
import sys
from pathlib import Path

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from FusionINNLib.methods import registry


def on_config(config):
    """The pages of the methods in the menu, before the figures."""
    config.nav.insert(2, {"Methods": [f"methods/{name}.md" for name in registry.names()]})
    return config


def on_page_markdown(markdown, page, config, files):
    """`../FILE` is a file of the repository, which the site has not."""
    return re.sub(r"\]\(\.\./", f"]({config.repo_url}/blob/main/", markdown) if page.file.generated_by is None else markdown


def on_files(files, config):
    """Add the pages to those that lie in docs/."""
    for name in registry.names():
        files.append(File.generated(config, f"methods/{name}.md", content=page_of(name)))
    return files


def page_of(name: str) -> str:
    """What the row says, as Markdown."""
    row = registry.info(name)
    can = row.capabilities
    facts = {"way back, exact": can.exact, "way back, estimated": can.estimate, "needs trained weights": can.needs_training,
             "takes colour itself": can.color, "same result every time": can.deterministic}
    table = "\n".join(f"| {what} | {'yes' if has else 'no'} |" for what, has in facts.items())
    return (f"# {row.title}\n\n{row.summary}\n\n`fusioninn fuse FIRST SECOND --method {name} --out DIR`\n\n"
            f"| | |\n|---|---|\n{table}\n| looks at | {'slices' if can.dims == 2 else 'neighbourhoods in all three axes'} |\n"
            f"| packages | {', '.join(row.requires) or 'none besides NumPy and SciPy'} |\n| terms | {row.terms} |\n\n"
            f"{row.citation}. [doi:{row.doi}](https://doi.org/{row.doi})\n\n::: {row.target.partition(':')[0]}\n")
