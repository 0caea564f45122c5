"""From a measured run to one page and one picture."""

from siftnet.report.mosaic import mask_mosaic
from siftnet.report.page import build_report

__all__ = ["build_report", "mask_mosaic"]
