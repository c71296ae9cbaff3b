"""A file → what it is, and what is odd about it: for each oddity what this package does with it, and the fix.

It reads with the readers that `Vectors` reads with, so it cannot say otherwise than they do; and goes on where they
stop, to say what else there is. Nothing is written but, of what is packed, a copy that goes when it was read.
"""

from torchvectors.doctor.examine import examine
from torchvectors.doctor.oddities import ODDITIES
from torchvectors.doctor.records import Finding, Oddity, Report
from torchvectors.doctor.telling import run

__all__ = ["ODDITIES", "Finding", "Oddity", "Report", "examine", "run"]
