"""What people change in the catalogue by hand: runs undone, records read again, Items corrected, sources retired.

Each is a run of its own: a correction has one page, the others are carried out page by page in `amendment_run.py`.
`stereo_rebuild.py` and `verification.py` begin no run, as they change no record.
"""

from __future__ import annotations

from harvester.amendments.corrections import Correction, CorrectionRefused, correct_item, corrections_of
from harvester.amendments.quarantine import (
    NotInQuarantine,
    QuarantinedRecord,
    quarantined,
    quarantined_record,
    replay_quarantine,
)
from harvester.amendments.renaming import RenamingRefused, rename_source
from harvester.amendments.retirement import RetirementRefused, retire_source, source_to_retire
from harvester.amendments.undo import UndoRefused, undo_run
from harvester.amendments.verification import Finding, Verification, verify

__all__ = [
    "Correction",
    "CorrectionRefused",
    "Finding",
    "NotInQuarantine",
    "QuarantinedRecord",
    "RenamingRefused",
    "RetirementRefused",
    "UndoRefused",
    "Verification",
    "correct_item",
    "corrections_of",
    "quarantined",
    "quarantined_record",
    "rename_source",
    "replay_quarantine",
    "retire_source",
    "source_to_retire",
    "undo_run",
    "verify",
]
