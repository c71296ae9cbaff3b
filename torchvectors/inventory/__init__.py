"""A cache folder → what it holds, who needs it, what may go; and whether it is still as it was made.

``look`` lists and changes nothing; ``choose`` decides, from that list alone; ``act`` is the one place that removes,
under the locks of those who make; ``check`` reads files through and sets bad ones aside.
"""

from torchvectors.inventory.act import Outcome, remove
from torchvectors.inventory.check import Finding, State, verify
from torchvectors.inventory.choose import DAY, Removal, Wish, named, to_prune, to_remove
from torchvectors.inventory.look import look
from torchvectors.inventory.records import Held, Kind

__all__ = [
    "DAY",
    "Finding",
    "Held",
    "Kind",
    "Outcome",
    "Removal",
    "State",
    "Wish",
    "look",
    "named",
    "remove",
    "to_prune",
    "to_remove",
    "verify",
]
