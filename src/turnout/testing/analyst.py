"""The port `Analyst` in memory."""

from __future__ import annotations

from turnout.model.analysis import Analysis, AnalysisVerdict, Finding


class MemoryAnalyst:
    """Says what it was told to say, one answer a look; the last one again and again."""

    def __init__(self, *verdicts: AnalysisVerdict) -> None:
        self.verdicts = verdicts or (AnalysisVerdict.PASS,)
        self.looks: list[Analysis] = []

    async def look(self, analysis: Analysis) -> Finding:
        """As the port says."""
        verdict = self.verdicts[min(len(self.looks), len(self.verdicts) - 1)]
        self.looks.append(analysis)
        return Finding(
            verdict=verdict,
            sentence=f"{analysis.experiment} beside {analysis.control}: {verdict}",
            figures={"looks": len(self.looks)},
        )
