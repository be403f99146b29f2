"""A page a recipe: its README, its presets, its common flags."""

from dataclasses import asdict

from recipes.engine.help import help_text
from recipes.engine.recipe import find_recipe
from scripts.documentation import presets
from scripts.documentation.text import table


def page(name: str, readme: str) -> str:
    """The Markdown of a recipe's page.

    Args:
        name: The recipe.
        readme: Its README, with links that hold on the page.
    """
    recipe = find_recipe(name)
    body = readme.split("\n## Files")[0].rstrip()
    own = [each for each in presets.all_presets() if each.recipe == name]
    parts = [body]
    if own:
        rows = [[f"`{each.name}`", each.what, each.book] for each in own]
        text = table(["preset", "what it trains", "the book prints"], rows)
        say = f"`zoo train {name} --preset NAME` runs one; flags given beside it win."
        parts += ["## All presets", say, f":::{{dropdown}} {len(own)} presets\n{text}\n:::"]
    defaults = asdict(recipe.default_config(None, True, None))
    shown = help_text(recipe, defaults, all_flags=False)
    every = help_text(recipe, defaults, all_flags=True)
    parts += ["## Common flags", f"What `zoo train {name} --help` prints, for data of your own:"]
    parts += [f"```text\n{shown}\n```"]
    parts += [f":::{{dropdown}} All flags (`--help-all`)\n```text\n{every}\n```\n:::"]
    return "\n\n".join(parts) + "\n"
