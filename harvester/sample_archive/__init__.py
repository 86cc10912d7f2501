"""A sample archive of Airbus-like deliveries that the project generates itself, for the demonstration and for tests.

None of its files comes from a satellite or a vendor: places are real, pixels and metadata are synthetic and say so.
"""

from harvester.sample_archive.archive import SampleArchive, write_sample_archive
from harvester.sample_archive.delivery import write_delivery
from harvester.sample_archive.errors import SampleArchiveError
from harvester.sample_archive.passes import View, views_of_pass
from harvester.sample_archive.sites import SITES, Site, delivery_of
from harvester.sample_archive.specification import CLIPPED_ROI, ROTATED_ROI, DeliverySpec

__all__ = [
    "CLIPPED_ROI",
    "ROTATED_ROI",
    "SITES",
    "DeliverySpec",
    "SampleArchive",
    "SampleArchiveError",
    "Site",
    "View",
    "delivery_of",
    "views_of_pass",
    "write_delivery",
    "write_sample_archive",
]
