"""The options of a search, which several commands share."""
from dataclasses import dataclass

from cyclopts import Parameter

from tsuzuri.cli.arguments import Whole


@Parameter(name="*")
@dataclass
class Searching:
    """How texts are looked for."""

    beam: Whole = 1
    """Hypotheses side by side; 1 takes the most probable token at each step."""
    length_penalty: float = 0.0
    """Pay longer texts back for what their tokens cost; 0.6 to 1 is usual with a beam."""
    coverage_penalty: float = 0.0
    """What it costs to pass over source tokens; 0.2 is usual."""
    least: Whole = 0
    """Tokens before a text may end."""

    def chosen(self, best: int = 1):
        """The search, or None for the greedy one."""
        from tsuzuri.decode import Search
        if (self.beam, self.length_penalty, self.coverage_penalty, self.least, best) == (1, 0.0, 0.0, 0, 1):
            return None
        return Search(beams=self.beam, length_penalty=self.length_penalty, coverage_penalty=self.coverage_penalty, least=self.least, best=best)


