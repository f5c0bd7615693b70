"""The options of a search, which several commands share."""
from dataclasses import dataclass

from cyclopts import Parameter

from tsuzuri.cli.arguments import Whole


@Parameter(name="*")
@dataclass
class Searching:
    """How captions are looked for."""

    beam: Whole = 1
    """Hypotheses side by side; 1 takes the most probable token at each step."""
    length_penalty: float = 0.0
    """Pay longer captions back for what their tokens cost; 0.6 to 1 is usual with a beam."""

    def chosen(self, best: int = 1):
        """The search, or None for the greedy one."""
        from tsuzuri.decode import Search
        if (self.beam, self.length_penalty, best) == (1, 0.0, 1):
            return None
        return Search(beams=self.beam, length_penalty=self.length_penalty, best=best)
