"""The models of tables that `--model auto` tries."""

from dataclasses import replace

from recipes.engine.task import Candidate
from recipes.tabular import linear, trees


def candidates(config, task, default_config, build_model) -> list[Candidate]:
    """Boosted trees, a linear model, and networks that see the numbers in different ways."""

    def network(name, model, **changes):
        default = default_config(config.dataset, config.data is not None, model)
        arguments = {**default.model_arguments, **changes.pop("model_arguments", {})}
        learned = ("learning_rate", "bins", "neighbors")
        settings = {each: getattr(default, each) for each in learned} | changes
        settings["average"] = False  # its partners are members of their own
        settings |= {"model": model, "model_arguments": arguments}
        return Candidate(name, task.sized(replace(config, **settings)), build_model)

    found = [network("wide_and_deep", "wide_and_deep")]
    if trees.know_all_classes(task):
        # Those of this task, which the candidate's own would fit again.
        found.append(Candidate("boosted_trees", config, lambda *_: trees.build(config, task)))
        found.append(Candidate(linear.name(task), config, lambda *_: linear.build(task)))
        if found[0].config.neighbors:
            found.append(Candidate("near_trees", config, lambda *_: trees.build_near(task)))
    if task.preprocessing.num_numeric:
        other = "quantile" if config.normalization != "quantile" else "robust"
        found += [
            network("periodic", "wide_and_deep", model_arguments={"numeric_embedding": "periodic"}),
            network(other, "wide_and_deep", normalization=other),
        ]
    return [*found, network("mlp", "mlp")]
