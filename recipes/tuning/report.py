"""What a search tells: a line for each trial, `tuning.csv`, and a section of the report."""

from recipes.data.writing import write_csv, write_text
from recipes.engine.help import as_written
from recipes.engine.tables import aligned, console, counted, escaped, markdown, number
from recipes.errors import printable

#: Trials shown in the report, the best ones; `tuning.csv` has all.
SHOWN = 10

_TITLE = "## Tuning"


def is_written(folder) -> bool:
    """Whether the report of a run has its section about the search."""
    return folder.report.exists() and _TITLE.encode() in folder.report.read_bytes().splitlines()


class Trials:
    """Prints, tabulates and compares the trials of a search, by the objective `(name, mode)`."""

    def __init__(self, plan, space, objective):
        self.plan = plan
        self.space = space
        self.monitor, self.mode = objective
        self.visible = plan.config.progress
        self._best = None

    def begin(self, trials):
        """Says what is searched, and what is known from before."""
        for trial in trials:
            self._note(trial)
        if not self.visible:
            return
        for line in self.space.describe():
            console.print(line)
        console.print(
            f"{self.plan.tuner} search, {self.plan.trials} trials beside the defaults, "
            f"{'less' if self.mode == 'min' else 'more'} {self.monitor} is better"
        )
        done = [trial for trial in trials if trial.score is not None or trial.error]
        if done:
            console.print(f"{len(done)} trials are there already")

    def tell(self, trial):
        """Prints the line of a trial that has ended."""
        self._note(trial)
        if not self.visible:
            return
        settings = ", ".join(f"{k}={as_written(v)}" for k, v in self._settings(trial).items())
        if trial.score is None:
            result = f"failed: {printable(trial.error)}"
        else:
            best = "the best so far" if self._best is trial else f"best {self._best.score:.5g}"
            epochs = counted(round(trial.metrics["epochs"]), "epoch")
            spent = f"{epochs}, {trial.metrics['seconds']:.0f} s" + ", pruned" * trial.pruned
            result = f"{trial.score:.5g} ({best}), {spent}"
        console.print(f"trial {self._label(trial)}: {result}  {settings}")

    def write(self, path, trials):
        """Writes `tuning.csv`: a row for each trial."""
        header = ["trial", "score", "epochs", "seconds", *self.space.searched]
        more = {"hyperband": ["continues"], "tpe": ["pruned"]}.get(self.plan.tuner, [])
        rows = []
        for trial in trials:
            numbers = ("" if value is None else f"{value:.9g}" for value in self._numbers(trial))
            rows.append([trial.number, *numbers, *map(as_written, self._settings(trial).values())])
            rows[-1] += [getattr(trial, name) or "" for name in more] + [trial.error]
        write_csv(path, [*header, *more, "error"], rows)

    def report(self, folder, search, best, again, repeated, tolerance):
        """Adds the section about the search to `report.md` of the run, and prints its table.

        `again` is the score of the run that repeats the best trial, whose own it is if `repeated`;
        it may be off by a `tolerance`.
        """
        trials = search.trials
        start = trials[0]
        verdict = self._verdict(best, start)
        check = (
            f"Trained again as this run, it scores {again:.6g}, "
            f"{'equal to' if repeated else '**not equal to**'} the trial's {best.score:.6g} within "
            f"{tolerance:.1%}."
        )
        failed = [trial for trial in trials if trial.score is None]
        pruned = [trial for trial in trials if trial.pruned]
        sections = [
            _TITLE,
            f"{len(trials)} trials by {self.plan.tuner} search, the defaults (trial "
            f"{start.number}) among them, compared by the best `{self.monitor}` of each "
            f"({'less' if self.mode == 'min' else 'more'} is better). {verdict}",
            check,
            markdown(self._comparison(best, start)),
            f"The best of them, of all {len(trials)} in `{folder.table.name}`; `zoo tensorboard "
            f"{folder.path}` shows their curves and, in the HParams tab, parallel coordinates:",
            markdown(self._ranking(trials)),
            *[f"{counted(len(pruned), 'trial')} pruned: at their epoch, most were better."]
            * bool(pruned),
            *(f"{len(failed)} trials failed, the first: {escaped(x.error)}" for x in failed[:1]),
            "\n".join(f"- {line}" for line in self.space.describe()),
            "The best of many trials flatters itself on the validation part it was chosen by: the "
            "test scores above are the ones to compare.",
        ]
        if not is_written(folder):
            text = folder.report.read_text(errors="replace")
            write_text(folder.report, text + "\n" + "\n\n".join(sections) + "\n")
        if self.visible:
            console.print(f"\nTuning\n\n{aligned(self._comparison(best, start))}\n")
            console.print(verdict, check.replace("**", ""))

    def _verdict(self, best, start):
        if best.number == start.number:
            return "Tuning did not beat the defaults: this run was trained with them."
        if start.score is None:
            return f"The best is trial {best.number}; with the defaults, training failed."
        gain = self._loss(start) - self._loss(best)
        if gain <= 0:
            return "Tuning did not beat the defaults; it equalled them."
        share = f", {gain / abs(start.score):.1%} better" if start.score else ""
        return (
            f"The best is trial {best.number}: {number(best.score)} where the defaults have "
            f"{number(start.score)}{share}."
        )

    def _comparison(self, best, start):
        before, after = self._settings(start), self._settings(best)
        rows = [["setting", "defaults", "best"]]
        rows += [[name, as_written(v), as_written(after[name])] for name, v in before.items()]
        return [*rows, [self.monitor, number(start.score), number(best.score)]]

    def _ranking(self, trials):
        complete = [trial for trial in trials if trial.score is not None]
        ranked = sorted(complete, key=self._loss)[:SHOWN]
        rows = [["trial", self.monitor, "epochs", "seconds", *self.space.searched]]
        for trial in ranked:
            settings = map(as_written, self._settings(trial).values())
            rows.append([self._label(trial), *map(number, self._numbers(trial)), *settings])
        return rows

    def _label(self, trial):
        return f"{trial.number} (defaults)" if int(trial.number) == 0 else trial.number

    def _numbers(self, trial):
        return (trial.score, trial.metrics.get("epochs"), trial.metrics.get("seconds"))

    def _settings(self, trial):
        return self.space.settings(self.space.config_for(trial))

    def _note(self, trial):
        scored = [each for each in (self._best, trial) if each and each.score is not None]
        self._best = min(scored, key=self._loss, default=None)

    def _loss(self, trial):
        return trial.score if self.mode == "min" else -trial.score
